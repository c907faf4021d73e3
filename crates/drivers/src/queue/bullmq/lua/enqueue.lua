-- One more job of a schedule, beside its cadence. ARGV: name, data, options as JSON, priority, how to push. Answers its id.
local id
repeat
  id = string.format('%d', call('INCR', base .. 'id'))
until call('EXISTS', base .. id) == 0
local most = kept_events(true)
local priority = tonumber(ARGV[4])
call('HSET', base .. id, 'name', ARGV[1], 'data', ARGV[2], 'opts', ARGV[3], 'timestamp', string.format('%d', now_ms()), 'delay', 0,
  'priority', priority)
call('XADD', base .. 'events', '*', 'event', 'added', 'jobId', id, 'name', ARGV[1])
ready(base, id, priority, ARGV[5])
tell(most, 'event', 'waiting', 'jobId', id)
return id
