-- Begins a batch, inside a transaction: begin, the entries' own XADDs, finish. Lets them through, or bars them.
--
-- KEYS[1] the stream   KEYS[2] what is remembered of this sender, a hash: number of a batch -> its last id, `last` -> highest number
-- ARGV[1] number of the batch; of one sender they count 1, 2, 3 ...   ARGV[2] how many batches are remembered
-- ARGV[3] number of the batch that must be in before this one, 0: none must
--
-- Gives nothing when the batch may pass. Otherwise:
--   its last id   it is in already, and was sent again because its answer got lost
--   STALE         it is older than what is remembered: a copy that a lost connection left behind, its sender was answered long ago
--   EARLY         the one before it was refused; both will come again
--
-- A transaction has no "if". So the bar is the stream's own: one whose last id is the highest there is takes no entry. `finish`
-- sets the id back, in the same transaction; nobody sees it. Payloads do not pass through Lua, which reads every byte of them to
-- hash it: 10 KB cost 14 us there (ADR 0029).
local known = redis.call('HMGET', KEYS[2], ARGV[1], 'last')
local last = tonumber(known[2] or 0)
local answer = known[1]
if not answer and ARGV[1] + ARGV[2] <= last then answer = 'STALE' end
if not answer and tonumber(ARGV[3]) > last then answer = 'EARLY' end
if not answer then return false end

if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('XGROUP', 'CREATE', KEYS[1], 'corec', '$', 'MKSTREAM')
  redis.call('XGROUP', 'DESTROY', KEYS[1], 'corec')
end
local info = redis.call('XINFO', 'STREAM', KEYS[1])
for at = 1, #info, 2 do
  if info[at] == 'last-generated-id' then redis.call('HSET', KEYS[2], 'bar', info[at + 1]) end
end
redis.call('XSETID', KEYS[1], '18446744073709551615-18446744073709551615')
return answer
