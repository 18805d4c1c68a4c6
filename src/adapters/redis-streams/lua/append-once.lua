-- Appends entries, each unless one was appended under its id within its time. Gives `<id> <token>` of the one that was first, for each,
-- and at last 1 when the entries that they answer were acknowledged, of those whose answer was the first.
--
-- KEYS[1] the stream   KEYS[2..] the ids   with a group, at last: the stream that it reads
-- ARGV[1] token of this call   ARGV[2] milliseconds   ARGV[3] maxlen   ARGV[4] the group, or nothing
-- ARGV[5..] for each id: the entry that it answers, count of its fields, then field, value, field, value ...
--
-- The token tells a caller whose first try was lost on the way back that it was the first after all; behind it stands which one of
-- the call, for an id that comes twice in it. Of a refused acknowledgement the caller makes one of its own, which says why.
local answers = {}
local done = {}
local at = 5
local last = #KEYS
if ARGV[4] ~= '' then
  last = last - 1
end
for k = 2, last do
  local count = 2 * tonumber(ARGV[at + 1])
  local own = ' ' .. ARGV[1] .. ':' .. (k - 2)
  local first = redis.call('GET', KEYS[k])
  if not first then
    local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', unpack(ARGV, at + 2, at + 1 + count))
    first = id .. own
    redis.call('SET', KEYS[k], first, 'PX', ARGV[2])
  end
  if string.sub(first, -#own) == own then
    done[#done + 1] = ARGV[at]
  end
  answers[k - 1] = first
  at = at + 2 + count
end
local acknowledged = 0
if ARGV[4] ~= '' and #done > 0 and type(redis.pcall('XACK', KEYS[#KEYS], ARGV[4], unpack(done))) == 'number' then
  acknowledged = 1
end
answers[#answers + 1] = acknowledged
return answers
