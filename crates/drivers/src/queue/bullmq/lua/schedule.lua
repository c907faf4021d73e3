-- Brings a schedule back with its next job. ARGV: its id, when it is next due in milliseconds, now, name, data and options of the job, its
-- priority, how to push, then the fields of the schedule. Answers 1, 0 when it is there already, -1 when a job has the place of the next one.
local schedule, due, now = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if call('ZSCORE', base .. 'repeat', schedule) then return 0 end
local id = 'repeat:' .. schedule .. ':' .. ARGV[2]
local key = base .. id
if call('EXISTS', key) == 1 then return -1 end
local most = kept_events(true)
local delay, priority = math.max(due - now, 0), tonumber(ARGV[7])

call('ZADD', base .. 'repeat', ARGV[2], schedule)
-- With what stopping it left there.
call('DEL', base .. 'repeat:' .. schedule)
call('HSET', base .. 'repeat:' .. schedule, unpack(ARGV, 9))
call('INCR', base .. 'id')
call('HSET', key, 'name', ARGV[4], 'data', ARGV[5], 'opts', ARGV[6], 'timestamp', ARGV[3], 'delay', string.format('%d', delay), 'priority',
  priority, 'rjk', schedule)
call('XADD', base .. 'events', '*', 'event', 'added', 'jobId', id, 'name', ARGV[4])
if delay > 0 then
  call('ZADD', base .. 'delayed', due_score(due), id)
  tell(most, 'event', 'delayed', 'jobId', id, 'delay', ARGV[2])
  remind()
else
  ready(base, id, priority, ARGV[8])
  tell(most, 'event', 'waiting', 'jobId', id)
end
return 1
