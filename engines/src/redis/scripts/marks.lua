-- KEYS: places, then marks of conversations. ARGV: partition and user for each. Returns the marks,
-- false if none. What was raised and not stored may lack until the marks are whole.
local answer = {}
for i = 2, #KEYS do
  local partition = ARGV[2 * i - 3]
  if not (is_whole(KEYS[1], partition) and is_whole(KEYS[1], 'm' .. partition)) then
    return REBUILDING
  end
  answer[i - 1] = redis.call('HGET', KEYS[i], ARGV[2 * i - 2])
end
return answer
