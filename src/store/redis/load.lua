-- Loads the payload and the ledger saved last, the claim, and the time of Redis.
--
-- KEYS[1] the claim
-- KEYS[2] the last good payload
-- ARGV[1] 'whole', or 'head' for everything except bodies and ledger. Bodies and ledger are
--   lists of parts.
-- Returns {now in us,
--   {claim fence, claim time in us, outcome, whether the attempt was lost and only its
--   time is known},
--   {version, fence, origin time in us, revision},
--   {films, ETag of the films, people, ETag of the people, ledger}}.
-- A missing value is false.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local bodies = {false, false, false, false, false}
if ARGV[1] == 'whole' then
  bodies = redis.call('HMGET', KEYS[2], 'films', 'films_etag', 'people', 'people_etag', 'ledger')
end
return {
  now,
  redis.call('HMGET', KEYS[1], 'fence', 'at', 'outcome', 'lost'),
  redis.call('HMGET', KEYS[2], 'version', 'fence', 'origin', 'revision'),
  bodies,
}
