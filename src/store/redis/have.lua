-- Finds parts that are missing, and gives the other parts time.
--
-- KEYS the parts
-- ARGV[1] time in ms that a part gets that would expire, or 'stay' if no part may expire
-- ARGV[2] time in ms that counts as forever, for a user without the right to PERSIST
--
-- Returns the places of the missing parts in KEYS, counted from 1.
local stays = ARGV[1] == 'stay'
local missing = {}
for place, key in ipairs(KEYS) do
  local left = redis.pcall('PTTL', key)
  if type(left) == 'table' then
    -- A user without the right to PTTL cannot tell which parts would expire.
    if redis.call('PEXPIRE', key, ARGV[2]) == 0 then left = -2 end
  elseif left >= 0 and not stays then
    redis.call('PEXPIRE', key, ARGV[1])
  elseif left >= 0 and type(redis.pcall('PERSIST', key)) == 'table' then
    redis.call('PEXPIRE', key, ARGV[2])
  end
  if left == -2 then table.insert(missing, place) end
end
return missing
