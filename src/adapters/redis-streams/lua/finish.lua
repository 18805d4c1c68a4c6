-- Ends a batch that lua/begin.lua began: takes the bar away, or remembers that the batch is in.
--
-- KEYS[1] the stream   KEYS[2] what is remembered of this sender   ARGV[1] number of the batch
-- ARGV[2] number of the batch that may be forgotten   ARGV[3] seconds after which an idle sender is forgotten
local bar = redis.call('HGET', KEYS[2], 'bar')
if bar then
  redis.call('XSETID', KEYS[1], bar)
  redis.call('HDEL', KEYS[2], 'bar')
  return
end
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if not newest then return end
local last = tonumber(redis.call('HGET', KEYS[2], 'last') or 0)
redis.call('HSET', KEYS[2], ARGV[1], newest[1], 'last', math.max(tonumber(ARGV[1]), last))
redis.call('HDEL', KEYS[2], ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[3])
