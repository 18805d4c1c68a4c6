-- Appends an entry unless one was appended under this id within its time; gives `<id> <token>` of the one that was first.
--
-- KEYS[1] the stream   KEYS[2] the id   ARGV[1] token of this call   ARGV[2] milliseconds   ARGV[3] maxlen   ARGV[4..] field, value ...
--
-- The token tells a caller whose first try was lost on the way back that it was the first after all.
local known = redis.call('GET', KEYS[2])
if known then return known end
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', unpack(ARGV, 4))
local first = id .. ' ' .. ARGV[1]
redis.call('SET', KEYS[2], first, 'PX', ARGV[2])
return first
