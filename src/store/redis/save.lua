-- Saves a payload with its ledger and announces the save, unless there is a newer payload.
--
-- KEYS[1] the last good payload, which never expires
-- KEYS[2] the fresh payload, which expires when its age is max-age
-- ARGV[1] version of the layout
-- ARGV[2] fence
-- ARGV[3] origin time in us, as the caller knows it
-- ARGV[4] age of the payload in us
-- ARGV[5] max-age in us
-- ARGV[6..10] films, ETag of the films, people, ETag of the people, ledger; films, people
--   and ledger are lists of parts
-- ARGV[11] channel on which the save is announced
-- ARGV[12] revision from which the ledger was made
--
-- Returns {result, revision in Redis after the call}, for -1 {-1, version in Redis}. Results:
--    1 saved
--    0 there is a newer payload
--   -1 the payload in Redis has a newer version
--   -2 the payload in Redis has a ledger that the caller has not seen
--
-- A save replaces only the revision that the caller has seen, whether the payload is newer
-- or is the same payload with a completed ledger. Otherwise a ledger that no other replica
-- has would be lost. No revision is used twice, even after a wipe: a revision is greater
-- than the revision before it and not less than the time in us.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local there = redis.call('HMGET', KEYS[1], 'version', 'fence', 'revision')
local fence, revision = tonumber(there[2]) or 0, tonumber(there[3]) or 0
local given, seen = tonumber(ARGV[2]), tonumber(ARGV[12])
local version = tonumber(there[1]) or 0
if version > tonumber(ARGV[1]) then return {-1, version} end
if fence > given then return {0, revision} end
if there[1] and revision ~= seen then return {-2, revision} end
revision = math.max(revision + 1, seen + 1, now)

-- The age is always right. The origin time is kept as given, unless the origin time was
-- read on another clock.
local origin, by_age = tonumber(ARGV[3]), math.max(0, now - tonumber(ARGV[4]))
if math.abs(origin - by_age) > 1000000 then origin = by_age end

local function put(key)
  redis.call('DEL', key)
  redis.call('HSET', key, 'version', ARGV[1], 'fence', ARGV[2], 'origin', origin,
    'films', ARGV[6], 'films_etag', ARGV[7], 'people', ARGV[8], 'people_etag', ARGV[9],
    'ledger', ARGV[10], 'revision', revision, 'bytes', #ARGV[6] + #ARGV[8] + #ARGV[10])
end
put(KEYS[1])
local left = math.floor((origin + tonumber(ARGV[5]) - now) / 1000)
if left > 0 then
  put(KEYS[2])
  redis.call('PEXPIRE', KEYS[2], left)
else
  redis.call('DEL', KEYS[2])
end
-- A user without the right to publish may save.
redis.pcall('PUBLISH', ARGV[11], ARGV[2])
return {1, revision}
