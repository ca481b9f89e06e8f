-- KEYS: places, then marks of conversations. ARGV: partition and user for each. Returns the marks,
-- false if none.
local answer = {}
for i = 2, #KEYS do
  if not is_whole(KEYS[1], ARGV[2 * i - 3]) then
    return REBUILDING
  end
  answer[i - 1] = redis.call('HGET', KEYS[i], ARGV[2 * i - 2])
end
return answer
