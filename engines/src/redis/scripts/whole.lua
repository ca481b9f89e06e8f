-- Says that a partition is whole, or that it is not, unless this life is over; moves `written_to`
-- and takes away what is past its time.
-- KEYS: life, places, moved, due. ARGV: partition, the life's name, '1' or '0', written_to, now,
-- moved_ms, heads_ms, the prefix of conversations' keys. Returns 0 if the life is over.
if redis.call('HGET', KEYS[1], 'name') ~= ARGV[2] then
  return 0
end
local partition, now = ARGV[1], tonumber(ARGV[5])
local written_to = math.max(tonumber(ARGV[4]), tonumber(redis.call('HGET', KEYS[2], 'o' .. partition) or '0'))
redis.call('HSET', KEYS[2], partition, ARGV[3], 'o' .. partition, text(written_to))
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - tonumber(ARGV[6]))
-- A conversation is due when its tail is too old, and again when its head is.
for _, conversation in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', now, 'LIMIT', 0, 64)) do
  local key = ARGV[8] .. conversation
  local state = redis.call('HMGET', key, 'h', 'f')
  local first = tonumber(string.match(state[2] or '0', '^%d+'))
  local last = tonumber(string.match(state[1] or '0', '^%d+'))
  local newest = first > 0 and redis.call('HGET', key, text(last))
  if newest and tonumber(string.match(newest, '^%d+')) >= written_to then
    redis.call('ZADD', KEYS[4], now + 60000, conversation)
  elseif first > 0 then
    for seq = first, last do
      redis.call('HDEL', key, text(seq))
    end
    redis.call('HSET', key, 'f', '0 0 0', 'd', '')
    redis.call('ZADD', KEYS[4], now + tonumber(ARGV[7]), conversation)
  else
    redis.call('DEL', key)
    redis.call('ZREM', KEYS[4], conversation)
  end
end
return 1
