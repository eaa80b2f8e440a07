-- The payload and ledger saved last, the claim, and the time on this clock.
--
-- KEYS[1] the claim, KEYS[2] the last good payload
-- ARGV[1] 'whole', or 'head' for all but bodies and ledger
-- Returns {now in us, claim fence, claim time in us, outcome, version, fence,
-- origin time in us, films, their etag, people, their etag, ledger}, with
-- nothing where there is nothing.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local claim = redis.call('HMGET', KEYS[1], 'fence', 'at', 'outcome')
local fields = {'version', 'fence', 'origin', 'films', 'films_etag', 'people', 'people_etag', 'ledger'}
local answer = {now, claim[1], claim[2], claim[3]}
for i, field in ipairs(fields) do
  -- `false` is answered as nothing; a gap would end the reply.
  answer[4 + i] = (i <= 3 or ARGV[1] == 'whole') and redis.call('HGET', KEYS[2], field)
end
return answer
