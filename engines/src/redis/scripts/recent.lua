-- A user's recent standings in one shard. KEYS: version, places, standings. ARGV: now, tail_ms,
-- '1' if other shards are asked too, then the partitions of the shard.
-- Returns the version that the answer is as of, then conversation and standing in turn.
for i = 4, #ARGV do
  if not is_whole(KEYS[2], ARGV[i]) then
    return REBUILDING
  end
end
-- Versions of shards are compared by time: one that is idle says how late it is.
local version = ARGV[3] == '1' and text(next_version(KEYS[1])) or (redis.call('GET', KEYS[1]) or '0')
local answer = { version }
local all = redis.call('HGETALL', KEYS[3])
for i = 1, #all, 2 do
  local offset, at, partition = string.match(all[i + 1], '^%d+ %d+ (%d+) (%-?%d+) (%d+)\n')
  local written_to = tonumber(redis.call('HGET', KEYS[2], 'o' .. partition) or '0')
  if tonumber(offset) < written_to and tonumber(at) + tonumber(ARGV[2]) < tonumber(ARGV[1]) then
    redis.call('HDEL', KEYS[3], all[i])
  else
    answer[#answer + 1] = all[i]
    answer[#answer + 1] = all[i + 1]
  end
end
return answer
