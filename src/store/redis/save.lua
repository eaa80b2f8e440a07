-- Saves a payload with its ledger and announces it, unless a newer one stands.
--
-- KEYS[1] the last good payload, which never expires
-- KEYS[2] the fresh payload, which expires with its freshness
-- ARGV[1] version of the layout, ARGV[2] fence
-- ARGV[3] origin time in us as the caller has it, ARGV[4] its age in us
-- ARGV[5] max-age in us
-- ARGV[6..10] films, their etag, people, their etag, ledger
-- ARGV[11] channel
-- ARGV[12] revision that the ledger was made from
--
-- Returns {1 saved, 0 a newer one stands, -1 what stands has another version,
-- -2 what stands has a ledger that the caller has not seen; the revision that
-- stands then}.
--
-- Nothing is saved but over the revision that the caller has seen, be the payload
-- newer or the same with a ledger that was completed: a ledger that nobody else
-- has yet would be lost. No revision comes twice, wiped or not: it grows, and is
-- no less than the time.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local there = redis.call('HMGET', KEYS[1], 'version', 'fence', 'revision')
local fence, revision = tonumber(there[2]) or 0, tonumber(there[3]) or 0
local given, seen = tonumber(ARGV[2]), tonumber(ARGV[12])
if there[1] and there[1] ~= ARGV[1] then return {-1, revision} end
if fence > given then return {0, revision} end
if there[1] and revision ~= seen then return {-2, revision} end
revision = math.max(revision + 1, seen + 1, now)

-- The age is always right; the time is kept as it was given unless it was read
-- on another clock.
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
-- Saved is saved, though this user may not announce it.
redis.pcall('PUBLISH', ARGV[11], ARGV[2])
return {1, revision}
