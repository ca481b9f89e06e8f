-- Writes records of one conversation, in order: head by seq, tail slots only above the head, a
-- delete redacts its target and the edits of it, the sender's own marks, standings by seq.
-- Returns 0, and writes nothing, if the life is over.
-- KEYS: version, places, conversation, marks, moved, due, life, then one for each standing.
-- ARGV: the life's name, conversation, partition, now, tail_records, tail_records_cap, tail_ms, marks_ms,
--   standings_ms, number of records, then for each record: seq, ord, at, offset, own ('' or the
--   sender), kind ('d' delete, 'e' edit, else ''), target ('0': none), redacted, whole ('': is
--   redacted); then for each standing: seq, offset, value.
--
-- The conversation is a hash: h = head "seq ord at version", f = the tail's oldest "seq at offset",
-- d = deletes in the tail "seq:target,...", and one field per record in the tail:
-- "offset at kind target length\n", the redacted record (of that length), the whole record.
if redis.call('HGET', KEYS[7], 'name') ~= ARGV[1] then
  return 0
end
local conversation, partition, now = ARGV[2], ARGV[3], tonumber(ARGV[4])
local tail_records, tail_cap, tail_ms = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local key = KEYS[3]
local state = redis.call('HMGET', key, 'h', 'f', 'd')
local last = tonumber(string.match(state[1] or '0', '^%d+'))
local first, first_at, first_offset = string.match(state[2] or '0 0 0', '^(%d+) (%-?%d+) (%d+)$')
first, first_at, first_offset = tonumber(first), tonumber(first_at), tonumber(first_offset)
local deletes = state[3] or ''
local head

local function drop(from, to)
  for seq = from, to do
    redis.call('HDEL', key, text(seq))
  end
end

local function redact(target)
  for seq = first, last do
    local field = text(seq)
    local value = redis.call('HGET', key, field)
    local start, stop, kind, on, length = string.find(value, '^%d+ %-?%d+ (%a?) (%d+) (%d+)\n')
    if seq == target or (kind == 'e' and tonumber(on) == target) then
      redis.call('HSET', key, field, string.sub(value, 1, stop + tonumber(length)))
    end
  end
end

local function push(seq, at, offset, kind, target, redacted, whole)
  if seq > last + 1 and first > 0 then
    drop(first, last)
    first, deletes = 0, ''
  end
  if kind == 'e' and string.find(deletes, ':' .. target .. ',', 1, true) then
    whole = ''
  elseif kind == 'd' then
    deletes = deletes .. text(seq) .. ':' .. target .. ','
    if first > 0 then
      redact(tonumber(target))
    end
  end
  local prefix = table.concat({ offset, at, kind, target, #redacted }, ' ')
  redis.call('HSET', key, text(seq), prefix .. '\n' .. redacted .. whole)
  if first == 0 then
    first, first_at, first_offset = seq, tonumber(at), tonumber(offset)
  end
  last = seq
end

local place = 11
for _ = 1, tonumber(ARGV[10]) do
  local seq, ord, at, offset, own, kind, target, redacted, whole = unpack(ARGV, place, place + 8)
  place = place + 9
  if tonumber(seq) > last then
    push(tonumber(seq), at, offset, kind, target, redacted, whole)
    head = seq .. ' ' .. ord .. ' ' .. at
  end
  if own ~= '' then
    raise(KEYS[4], own, { 0, 0, 0, tonumber(seq), tonumber(ord) }, ARGV[8], KEYS[1])
  end
end

-- Trims to the limits, only what the store has, unless the cap is reached.
local written_to = tonumber(redis.call('HGET', KEYS[2], 'o' .. partition) or '0')
while first > 0 do
  local count = last - first + 1
  local is_over = count > tail_records or first_at + tail_ms < now
  if not (is_over and (first_offset < written_to or count > tail_cap)) then
    break
  end
  drop(first, first)
  local value = first < last and redis.call('HGET', key, text(first + 1))
  if value then
    local offset, at = string.match(value, '^(%d+) (%-?%d+) ')
    first, first_at, first_offset = first + 1, tonumber(at), tonumber(offset)
  else
    first = 0
  end
end
local kept = ''
for seq, target in string.gmatch(deletes, '(%d+):(%d+),') do
  if first > 0 and tonumber(seq) >= first then
    kept = kept .. seq .. ':' .. target .. ','
  end
end

if head then
  head = head .. ' ' .. text(next_version(KEYS[1]))
  redis.call('HSET', key, 'h', head)
  redis.call('ZADD', KEYS[5], now, conversation)
  redis.call('ZADD', KEYS[6], now + tail_ms, conversation)
end
if head or (state[2] and first == 0) then
  redis.call('HSET', key, 'f', text(first) .. ' ' .. text(first_at) .. ' ' .. text(first_offset), 'd', kept)
end

-- "version seq offset at partition\n", the standing.
for i = 8, #KEYS do
  local seq, offset, value = unpack(ARGV, place, place + 2)
  place = place + 3
  local known = redis.call('HGET', KEYS[i], conversation)
  if not known or tonumber(string.match(known, '^%d+ (%d+)')) < tonumber(seq) then
    local fields = { text(next_version(KEYS[1])), seq, offset, ARGV[4], partition }
    redis.call('HSET', KEYS[i], conversation, table.concat(fields, ' ') .. '\n' .. value)
    redis.call('PEXPIRE', KEYS[i], ARGV[9])
  end
end
return 1
