-- Reads a run of a tail. KEYS: places, conversation. ARGV: partition, after, before, limit, last.
-- Returns the head, the deletes, and the records as they are stored.
if not is_whole(KEYS[1], ARGV[1]) then
  return REBUILDING
end
local state = redis.call('HMGET', KEYS[2], 'h', 'f', 'd')
if not state[1] then
  return { false, '' }
end
local answer = { state[1], state[3] or '' }
local head = tonumber(string.match(state[1], '^%d+'))
local first = tonumber(string.match(state[2] or '0', '^%d+'))
if first > 0 then
  local limit = tonumber(ARGV[4])
  local from = math.max(first, tonumber(ARGV[2]) + 1)
  local to = math.min(head, tonumber(ARGV[3]) - 1)
  if ARGV[5] == '1' then
    from = math.max(from, to - limit + 1)
  else
    to = math.min(to, from + limit - 1)
  end
  for seq = from, to do
    answer[#answer + 1] = redis.call('HGET', KEYS[2], text(seq))
  end
end
return answer
