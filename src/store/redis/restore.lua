-- Tells Redis of an attempt that Redis does not know: the attempt was made while Redis
-- could not be used, or was lost with Redis.
--
-- KEYS[1] the claim: a hash that never expires
-- ARGV[1] highest fence    that the caller has seen
-- ARGV[2] age in us        of the last attempt that the caller knows, or ''
-- ARGV[3] us               that are left of a Retry-After that the caller knows
-- Returns 1.
--
-- The fence of a standing claim stays, because its refresh may be under way. If the caller
-- knows a later attempt than the claim in Redis, the script removes the outcome in Redis,
-- because the outcome belongs to the earlier attempt. Redis then knows only the time of
-- the later attempt.
--
-- The script always writes something, so that a Redis that refuses writes returns an
-- error. The script writes before it removes anything, because a full Redis accepts every
-- write of a script after the first removal.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local known = redis.call('HMGET', KEYS[1], 'fence', 'at', 'left_alone_until', 'restored')
local at = tonumber(known[2]) or 0
-- The attempt lies in the future after a clock step or a failover: as in claim.lua.
local ahead = math.max(0, at - now)
local left_alone = math.max(0, (tonumber(known[3]) or 0) - ahead)
at = at - ahead
local is_later = ARGV[2] ~= '' and now - tonumber(ARGV[2]) > at
if is_later then at = now - tonumber(ARGV[2]) end
redis.call('HSET', KEYS[1], 'at', at)
if is_later then
  redis.call('HSET', KEYS[1], 'lost', 1)
  redis.call('HDEL', KEYS[1], 'outcome')
end
if (tonumber(known[4]) or 0) > now then redis.call('HSET', KEYS[1], 'restored', now) end
if not known[1] then
  redis.call('HSET', KEYS[1], 'fence', ARGV[1], 'restored', now, 'lost', 1)
end
local until_left_alone = now + tonumber(ARGV[3])
if until_left_alone > math.max(left_alone, now) then
  redis.call('HSET', KEYS[1], 'left_alone_until', until_left_alone)
elseif ahead > 0 and known[3] then
  redis.call('HSET', KEYS[1], 'left_alone_until', left_alone)
end
return 1
