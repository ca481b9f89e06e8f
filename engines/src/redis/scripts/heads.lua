-- KEYS: places, then conversations. ARGV: the partition of each. Returns the heads, false if none.
local answer = {}
for i = 2, #KEYS do
  if not is_whole(KEYS[1], ARGV[i - 1]) then
    return REBUILDING
  end
  answer[i - 1] = redis.call('HGET', KEYS[i], 'h')
end
return answer
