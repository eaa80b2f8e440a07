-- Claims the next refresh: at most one in an interval, whoever asks.
--
-- KEYS[1] the claim: a hash that never expires
-- KEYS[2] the payload saved last
-- ARGV[1] nonce            asked again with it, the same claim is granted again
-- ARGV[2] highest fence    that the caller has seen, in this Redis or elsewhere
-- ARGV[3] age in us        of the last attempt the caller knows, or ''
-- ARGV[4] us               that the upstream asked the caller to leave it alone
-- ARGV[5] interval in us
-- ARGV[6] round in us      in which every replica that lives has told what it knows
-- ARGV[7] channel          on which they are asked to
-- ARGV[8] highest fence    that this Redis has granted to the caller or told it of
--
-- Returns {granted, fence, age of the attempt in us, now in us, fence saved
-- last, us to wait, why to wait, outcome, what was not believed, revision saved
-- last, whether the attempt was lost and only its time is known}.
--
-- An attempt is never forgotten: the claim has no expiry, and it takes the
-- later of its own and the caller's. A claim that vanished (a wipe, an empty
-- restart), or is older than one that this Redis has told the caller of (a failover
-- to a copy), is restored from what the caller knows, the others are asked, and it is
-- granted one round later, so that a replica which knows of a later attempt is heard
-- first. What a caller did while it kept its own minute is told by its age: a higher
-- fence from elsewhere is no sign of a loss. Fences come from the time, so that a
-- counter which starts anew lets no old writer win; that of a claim that stands
-- stays, since it may be under way.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local known = redis.call('HMGET', KEYS[1], 'fence', 'at', 'nonce', 'left_alone_until', 'restored', 'outcome', 'refused', 'lost')
local stands = tonumber(known[1]) or 0
local fence = math.max(stands, tonumber(ARGV[2]), tonumber(ARGV[8]))
local at = tonumber(known[2])
local refused = known[7] or ''
local kept = redis.call('HMGET', KEYS[2], 'fence', 'revision')
local saved, revision = tonumber(kept[1]) or 0, tonumber(kept[2]) or 0
local round, interval = tonumber(ARGV[6]), tonumber(ARGV[5])
local left_alone, restored = tonumber(known[4]) or 0, tonumber(known[5]) or 0

if at and at > now then
  -- From before a clock step or a failover: it counts as just made, and what was
  -- counted from then on goes with it.
  left_alone = math.max(0, left_alone - (at - now))
  at = now
  redis.call('HSET', KEYS[1], 'at', at)
  if known[4] then redis.call('HSET', KEYS[1], 'left_alone_until', left_alone) end
end
if restored > now then
  restored = now
  redis.call('HSET', KEYS[1], 'restored', restored)
end
if known[3] == ARGV[1] then
  return {1, stands, now - at, now, saved, 0, '', known[6] or '', refused, revision, 0}
end

local lost = tonumber(known[8]) or 0
local vanished = not at
local went_back = at and restored == 0 and stands < tonumber(ARGV[8])
if vanished then
  at, stands = 0, fence
  redis.call('HSET', KEYS[1], 'fence', fence, 'at', at)
end
if vanished or went_back then
  restored = now
  redis.call('HSET', KEYS[1], 'restored', restored)
  -- A user who may not announce may claim: the others look by themselves.
  redis.pcall('PUBLISH', ARGV[7], fence)
end
local is_later = ARGV[3] ~= '' and now - tonumber(ARGV[3]) > at
if is_later then
  at = now - tonumber(ARGV[3])
  redis.call('HSET', KEYS[1], 'at', at)
end
if vanished or went_back or is_later then
  -- How an older attempt ended says nothing of the last.
  known[6], lost = false, 1
  redis.call('HDEL', KEYS[1], 'outcome')
  redis.call('HSET', KEYS[1], 'lost', lost)
end

local until_left_alone = math.max(left_alone, now + tonumber(ARGV[4]))
local waits = {
  {at + interval - now, 'interval'},
  {until_left_alone - now, 'retry-after'},
  {restored + round - now, 'restoring'},
}
local longest = waits[1]
for i = 2, 3 do
  if waits[i][1] > longest[1] then longest = waits[i] end
end
if longest[1] > 0 then
  return {0, stands, now - at, now, saved, longest[1], longest[2], known[6] or '', refused, revision, lost}
end

fence = math.max(fence + 1, saved + 1, now)
redis.call('HSET', KEYS[1], 'fence', fence, 'at', now, 'nonce', ARGV[1])
redis.call('HDEL', KEYS[1], 'outcome', 'left_alone_until', 'restored', 'lost')
return {1, fence, 0, now, saved, 0, '', '', refused, revision, 0}
