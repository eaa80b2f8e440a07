-- Lets parts expire that the payload saved last no longer has.
--
-- KEYS[1] the payload saved last
-- KEYS[2..] the parts
-- ARGV[1] version of the layout
-- ARGV[2] time in ms after which the parts expire; a replica may be reading them
-- ARGV[3..] names of the parts, in the order of the keys
--
-- A part that another save has taken up in the meantime stays.
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return end
local stays = {}
for _, list in ipairs(redis.call('HMGET', KEYS[1], 'films', 'people', 'ledger')) do
  if list then
    for name in string.gmatch(list, '%x+') do stays[name] = true end
  end
end
for place = 2, #KEYS do
  if not stays[ARGV[place + 1]] then redis.call('PEXPIRE', KEYS[place], ARGV[2]) end
end
