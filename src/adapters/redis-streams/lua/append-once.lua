-- Appends entries, each unless one was appended under its id within its time. Gives `<id> <token>` of the one that was first, for each.
--
-- KEYS[1] the stream   KEYS[2..] the ids   ARGV[1] token of this call   ARGV[2] milliseconds   ARGV[3] maxlen
-- ARGV[4..] for each id: count of its fields, then field, value, field, value ...
--
-- The token tells a caller whose first try was lost on the way back that it was the first after all; behind it stands which one of
-- the call, for an id that comes twice in it.
local answers = {}
local at = 4
for k = 2, #KEYS do
  local count = 2 * tonumber(ARGV[at])
  local first = redis.call('GET', KEYS[k])
  if not first then
    local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', unpack(ARGV, at + 1, at + count))
    first = id .. ' ' .. ARGV[1] .. ':' .. (k - 2)
    redis.call('SET', KEYS[k], first, 'PX', ARGV[2])
  end
  answers[k - 1] = first
  at = at + 1 + count
end
return answers
