-- Names the life of a shard: another server, or one that has forgotten, is another life, and what
-- it holds is not whole.
-- KEYS: life, places. ARGV: a name for a new life. Returns the name. `since`: the server's time, ms.
local info = redis.call('INFO', 'server') .. redis.call('INFO', 'replication')
local server = string.match(info, 'run_id:(%w+)') .. string.match(info, 'master_replid:(%w+)')
local known = redis.call('HMGET', KEYS[1], 'server', 'name')
local since = redis.call('TIME')[1] .. '000'
if known[1] == server then
  redis.call('HSETNX', KEYS[1], 'since', since)
  return known[2]
end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[1], 'server', server, 'name', ARGV[1], 'since', since)
return ARGV[1]
