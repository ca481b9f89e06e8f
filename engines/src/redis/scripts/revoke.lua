-- Numbers ended sessions. KEYS: numbers, sessions. ARGV: now, keep_ms, sessions. The numbers of a
-- life begin at its start (milliseconds times 1000), so that those of an earlier one are below.
local now = tonumber(ARGV[1])
local known = redis.call('HMGET', KEYS[1], 'newest', 'dropped')
local newest = tonumber(known[1] or now * 1000)
local dropped = tonumber(known[2] or now * 1000)
for i = 3, #ARGV do
  newest = newest + 1
  redis.call('ZADD', KEYS[2], text(newest), text(now) .. ' ' .. ARGV[i])
end
local before = text(now - tonumber(ARGV[2]))
while true do
  local oldest = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
  if not oldest[1] or tonumber(string.match(oldest[1], '^%-?%d+')) >= tonumber(before) then
    break
  end
  dropped = tonumber(oldest[2])
  redis.call('ZREM', KEYS[2], oldest[1])
end
redis.call('HSET', KEYS[1], 'newest', text(newest), 'dropped', text(dropped))
return 1
