-- Raises marks in one conversation, unless the life is over. KEYS: life, version, marks. ARGV: the
-- life's name, marks_ms, then for each receipt: user, delivered, read, read_ord. Returns for each the
-- marks if they moved, else false; 0 if the life is over.
if redis.call('HGET', KEYS[1], 'name') ~= ARGV[1] then
  return 0
end
local answer = {}
for i = 3, #ARGV, 4 do
  local new = { tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3]), 0, 0 }
  local moved = raise(KEYS[3], ARGV[i], new, ARGV[2], KEYS[2])
  answer[#answer + 1] = moved and table.concat(moved, ' ') or false
end
return answer
