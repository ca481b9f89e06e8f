-- Says that a partition's marks are whole, or that they are not, unless this life is over.
-- KEYS: life, places. ARGV: partition, the life's name, '1' or '0'. Returns 0 if the life is over.
if redis.call('HGET', KEYS[1], 'name') ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[2], 'm' .. ARGV[1], ARGV[3])
return 1
