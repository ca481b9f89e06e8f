-- What the scripts share; put before each of them. All keys of one script are in one shard.

-- The next version: rises with every call, and with time, so that a new life goes on above the old.
local function next_version(key)
  local time = redis.call('TIME')
  local version = tonumber(redis.call('GET', key) or '0') + 1
  version = math.max(version, time[1] * 1000000 + time[2])
  redis.call('SET', key, string.format('%.0f', version))
  return version
end

local function text(number)
  return string.format('%.0f', number)
end

-- Whether the tails of a partition may be read (its marks: 'm' before its number).
local function is_whole(places, partition)
  return redis.call('HGET', places, partition) == '1'
end

local REBUILDING = { ok = 'REBUILDING' }

-- Raises a user's marks: delivered, read, read_ord, own, own_ord and the version of the last move.
-- The marks after it, or nil if none moved.
local function raise(key, user, new, ttl_ms, version_key)
  local known = { 0, 0, 0, 0, 0 }
  local value = redis.call('HGET', key, user)
  if value then
    local i = 1
    for number in string.gmatch(value, '%d+') do
      known[i] = tonumber(number)
      i = i + 1
    end
  end
  local moved = false
  for i = 1, 5 do
    if new[i] > known[i] then
      known[i] = new[i]
      moved = true
    end
  end
  if not moved then
    return nil
  end
  known[6] = next_version(version_key)
  for i = 1, 6 do
    known[i] = text(known[i])
  end
  redis.call('HSET', key, user, table.concat(known, ' '))
  redis.call('PEXPIRE', key, ttl_ms)
  return known
end
