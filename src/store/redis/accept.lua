-- The owner's accept mark: says what may follow though it is not believed.
--
-- KEYS[1] the mark, which expires; ARGV[1] 'ask', 'mark' or 'forget'; ARGV[2] the mark,
-- ARGV[3] ms that the mark lasts
-- Returns the mark as it stands then.
if ARGV[1] == 'mark' then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
if ARGV[1] == 'forget' then redis.call('DEL', KEYS[1]) end
return redis.call('GET', KEYS[1])
