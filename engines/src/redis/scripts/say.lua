-- What one boot of a gateway says of a user. KEYS: words. ARGV: gateway, now, ttl_ms, the word ('':
-- none). A word is a letter and when it was said; those of boots that ended without a goodbye go when
-- they have not been repeated for ttl_ms.
local now, ttl = tonumber(ARGV[2]), tonumber(ARGV[3])
if ARGV[4] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[4] .. text(now))
  redis.call('PEXPIRE', KEYS[1], ttl)
end
if redis.call('HLEN', KEYS[1]) > 4 then
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    if tonumber(string.sub(all[i + 1], 2)) + ttl < now then
      redis.call('HDEL', KEYS[1], all[i])
    end
  end
end
return 1
