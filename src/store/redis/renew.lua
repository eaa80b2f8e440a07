-- Moves the attempt to now: for a process that was held up between its claim
-- and its request. Only the newest claim can be renewed.
--
-- KEYS[1] the claim, KEYS[2] the payload saved last; ARGV[1] fence
-- Returns {renewed, now in us, fence saved last, what was not believed}.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local saved = tonumber(redis.call('HGET', KEYS[2], 'fence') or '') or 0
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then
  return {0, now, saved, ''}
end
redis.call('HSET', KEYS[1], 'at', now)
return {1, now, saved, redis.call('HGET', KEYS[1], 'refused') or ''}
