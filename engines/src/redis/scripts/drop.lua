-- Takes a gateway's routes of one user away. KEYS: routes. ARGV: the gateway.
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.sub(field, 1, #ARGV[1]) == ARGV[1] then
    redis.call('HDEL', KEYS[1], field)
  end
end
return 1
