-- Records how a refresh ended, unless a newer claim stands.
--
-- KEYS[1] the claim
-- ARGV[1] fence, ARGV[2] outcome, ARGV[3] us that the upstream asked to be left
-- alone, or 0; ARGV[4] what was not believed, 'as it was', or nothing; ARGV[5]
-- channel on which it is announced
-- Returns 1 recorded, 0 a newer claim stands.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'outcome', ARGV[2])
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
