-- Adds or refreshes routes of one user. KEYS: routes. ARGV: now, ttl_ms, then for each route: its
-- gateway and connection, its device. Returns for each whether it was there.
local now, ttl = tonumber(ARGV[1]), tonumber(ARGV[2])
local answer = {}
for i = 3, #ARGV, 2 do
  local known = redis.call('HGET', KEYS[1], ARGV[i])
  answer[#answer + 1] = known and tonumber(string.match(known, '^%d+')) > now and 1 or 0
  redis.call('HSET', KEYS[1], ARGV[i], text(now + ttl) .. ' ' .. ARGV[i + 1])
end
redis.call('PEXPIRE', KEYS[1], ttl)
if redis.call('HLEN', KEYS[1]) > 8 then
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    if tonumber(string.match(all[i + 1], '^%d+')) <= now then
      redis.call('HDEL', KEYS[1], all[i])
    end
  end
end
return answer
