-- Finds parts that are missing, and makes the other parts stay.
--
-- KEYS the parts
-- ARGV[1] time in ms that counts as forever, for a user without the right to PERSIST
--
-- Returns the places of the missing parts in KEYS, counted from 1.
local missing = {}
for place, key in ipairs(KEYS) do
  local left = redis.pcall('PTTL', key)
  if type(left) == 'table' then
    if redis.call('PEXPIRE', key, ARGV[1]) == 0 then left = -2 end
  elseif left >= 0 and type(redis.pcall('PERSIST', key)) == 'table' then
    redis.call('PEXPIRE', key, ARGV[1])
  end
  if left == -2 then table.insert(missing, place) end
end
return missing
