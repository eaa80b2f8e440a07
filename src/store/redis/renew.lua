-- Moves the time of the attempt to now, for a process that was delayed between its claim
-- and its request. Only the newest claim can be renewed.
--
-- KEYS[1] the claim
-- KEYS[2] the payload saved last
-- ARGV[1] fence
-- Returns {renewed, now in us, fence saved last, refused answer, revision saved last}.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local kept = redis.call('HMGET', KEYS[2], 'fence', 'revision')
local saved, revision = tonumber(kept[1]) or 0, tonumber(kept[2]) or 0
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then
  return {0, now, saved, '', revision}
end
redis.call('HSET', KEYS[1], 'at', now)
redis.call('HDEL', KEYS[1], 'lost')
return {1, now, saved, redis.call('HGET', KEYS[1], 'refused') or '', revision}
