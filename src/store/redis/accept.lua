-- The owner's accept mark: names the sets of ids that may follow though they are
-- not believed.
--
-- KEYS[1] the mark; ARGV[1] 'ask', 'mark' or 'forget'; ARGV[2] what to mark
-- Returns the mark as it stands then.
if ARGV[1] == 'mark' then redis.call('SET', KEYS[1], ARGV[2]) end
if ARGV[1] == 'forget' then redis.call('DEL', KEYS[1]) end
return redis.call('GET', KEYS[1])
