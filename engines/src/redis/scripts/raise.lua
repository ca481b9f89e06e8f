-- Raises marks in one conversation. KEYS: version, marks. ARGV: marks_ms, then for each receipt:
-- user, delivered, read, read_ord. Returns for each the marks if they moved, else false.
local answer = {}
for i = 2, #ARGV, 4 do
  local new = { tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3]), 0, 0 }
  local moved = raise(KEYS[2], ARGV[i], new, ARGV[1], KEYS[1])
  answer[#answer + 1] = moved and table.concat(moved, ' ') or false
end
return answer
