-- Claims the next refresh. All callers together get at most one claim in an interval.
--
-- KEYS[1] the claim: a hash that never expires
-- KEYS[2] the payload saved last
-- ARGV[1] nonce            a repeated call with the same nonce gets the same claim
-- ARGV[2] highest fence    that the caller has seen, in this Redis or elsewhere
-- ARGV[3] age in us        of the last attempt that the caller knows, or ''
-- ARGV[4] us               that are left of a Retry-After that the caller knows
-- ARGV[5] interval in us
-- ARGV[6] round in us      time in which every living replica tells what it knows
-- ARGV[7] channel          on which the replicas are asked to tell
-- ARGV[8] highest fence    that this Redis has granted to the caller or told the caller
--
-- Returns {granted, fence, age of the attempt in us, now in us, fence of the payload
-- saved last, us to wait, reason to wait, outcome, refused answer, revision saved last,
-- whether the attempt was lost and only its time is known}.
--
-- An attempt is never forgotten. The claim has no expiry, and the script uses the later
-- of two attempts: the attempt in Redis and the attempt that the caller knows.
--
-- A claim may have vanished (a wipe, an empty restart), or may be older than a claim
-- that this Redis has told the caller (a failover to an older copy). Then the script
-- restores the claim from what the caller knows, asks the other replicas, and grants the
-- claim one round later. A replica that knows a later attempt can thus speak first.
--
-- The attempt of ARGV[3] may have been made without Redis. The fence of such an attempt may
-- be higher than the fence of every claim in this Redis. Therefore only ARGV[8], and not
-- ARGV[2], shows that this Redis lost a claim.
--
-- Fences are made from the time. A counter that starts again would let an old writer
-- win. The fence of a standing claim stays, because its refresh may be under way.
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
  -- The attempt lies in the future: a clock step or a failover came between. The attempt
  -- counts as just made, and times that were counted from the attempt move with it.
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
  -- A user without the right to publish may claim: the other replicas poll.
  redis.pcall('PUBLISH', ARGV[7], fence)
end
local is_later = ARGV[3] ~= '' and now - tonumber(ARGV[3]) > at
if is_later then
  at = now - tonumber(ARGV[3])
  redis.call('HSET', KEYS[1], 'at', at)
end
if vanished or went_back or is_later then
  -- The outcome of an older attempt says nothing about the last attempt.
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
