-- Ended sessions after a number. KEYS: numbers, sessions. ARGV: since, now. Returns the newest
-- number, whether `since` is known, and the sessions.
local known = redis.call('HMGET', KEYS[1], 'newest', 'dropped')
if not known[1] then
  known = { text(tonumber(ARGV[2]) * 1000), text(tonumber(ARGV[2]) * 1000) }
  redis.call('HSET', KEYS[1], 'newest', known[1], 'dropped', known[2])
end
local since = tonumber(ARGV[1])
if since == 0 then
  since = tonumber(known[2])
end
if since < tonumber(known[2]) or since > tonumber(known[1]) then
  return { known[1], 0 }
end
local answer = { known[1], 1 }
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. text(since), '+inf')) do
  answer[#answer + 1] = string.match(member, ' (.*)$')
end
return answer
