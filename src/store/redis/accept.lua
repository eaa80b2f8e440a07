-- Reads, sets or removes the accept mark of the owner: the implausible answer that may be taken.
--
-- KEYS[1] the mark, which expires
-- ARGV[1] 'ask', 'mark' or 'forget'
-- ARGV[2] the mark
-- ARGV[3] lifetime of the mark in ms
-- Returns the mark after the operation.
if ARGV[1] == 'mark' then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
if ARGV[1] == 'forget' then redis.call('DEL', KEYS[1]) end
return redis.call('GET', KEYS[1])
