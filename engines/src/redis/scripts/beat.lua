-- A boot of a gateway lives. KEYS: boots. ARGV: gateway, now, until when, keep_ms: who has been silent
-- for so much longer is forgotten. Returns whether it was believed to live.
local now = tonumber(ARGV[2])
local known = redis.call('HGET', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if tonumber(all[i + 1]) + tonumber(ARGV[4]) < now then
    redis.call('HDEL', KEYS[1], all[i])
  end
end
return known and tonumber(known) > now and 1 or 0
