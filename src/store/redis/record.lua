-- Records the outcome of a refresh, unless there is a newer claim.
--
-- KEYS[1] the claim
-- ARGV[1] fence
-- ARGV[2] outcome
-- ARGV[3] Retry-After of the upstream in us, or 0
-- ARGV[4] refused answer; 'as it was' keeps the recorded one, '' removes it
-- ARGV[5] channel on which the outcome is announced
-- Returns 1: recorded; 0: there is a newer claim.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local known = redis.call('HMGET', KEYS[1], 'fence', 'at', 'left_alone_until')
if known[1] ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'outcome', ARGV[2])
-- The attempt lies in the future after a clock step: it moves to now, as in claim.lua.
local ahead = (tonumber(known[2]) or 0) - now
if ahead > 0 then
  redis.call('HSET', KEYS[1], 'at', now)
  if known[3] then redis.call('HSET', KEYS[1], 'left_alone_until', math.max(0, known[3] - ahead)) end
end
if tonumber(ARGV[3]) > 0 then
  redis.call('HSET', KEYS[1], 'left_alone_until', now + tonumber(ARGV[3]))
end
if ARGV[4] == '' then
  redis.call('HDEL', KEYS[1], 'refused')
elseif ARGV[4] ~= 'as it was' then
  redis.call('HSET', KEYS[1], 'refused', ARGV[4])
end
redis.pcall('PUBLISH', ARGV[5], ARGV[1])
return 1
