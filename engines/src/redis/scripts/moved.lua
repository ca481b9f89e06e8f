-- KEYS: places, moved. ARGV: partition, since. Returns the conversations.
if not is_whole(KEYS[1], ARGV[1]) then
  return REBUILDING
end
return redis.call('ZRANGEBYSCORE', KEYS[2], ARGV[2], '+inf')
