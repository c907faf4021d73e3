-- Stops a schedule and deletes the job that it waits for. ARGV: its id, and 'drop' when what is left of a stopped one may go.
-- What is needed to bring it back stays in its hash, which the library neither reads nor shows without its place in `repeat`: an answer that gets
-- lost loses nothing. Whoever has stored the answer drops it. Answers when it was due, its fields, options of the job that waited (or nothing),
-- and whether something is left; nothing when there is no such schedule.
local schedule, drop_it = ARGV[1], ARGV[2] == 'drop'
local hash = base .. 'repeat:' .. schedule
local next = call('ZSCORE', base .. 'repeat', schedule)
local fields = call('HGETALL', hash)
if not next and #fields == 0 then return false end
if not next then
  if drop_it then call('DEL', hash) end
  return {'', fields, false, drop_it and 0 or 1}
end

-- Only where it has not begun; one that runs ends as any other job.
local function take(id)
  if call('EXISTS', base .. id .. ':lock') == 1 then return nil end
  for _, set in ipairs({'delayed', 'prioritized'}) do
    if call('ZREM', base .. set, id) == 1 then return set end
  end
  if call('HEXISTS', base .. id, 'finishedOn') == 1 or call('EXISTS', base .. id) == 0 then return nil end
  if drop(base .. 'wait', id) then return 'wait' end
  if drop(base .. 'paused', id) then return 'paused' end
end

local id = 'repeat:' .. schedule .. ':' .. next
local key = base .. id
local options = call('HGET', key, 'opts')
local state = take(id)
if state then
  call('DEL', key, key .. ':logs', key .. ':dependencies', key .. ':processed', key .. ':failed', key .. ':unsuccessful')
  call('XADD', base .. 'events', '*', 'event', 'removed', 'jobId', id, 'prev', state)
end
call('ZREM', base .. 'repeat', schedule)
-- One of before the schedules of 5.16 can't be brought back: it has another kind of key.
local back = call('HEXISTS', hash, 'ic') == 1
if back then
  call('HSET', hash, 'qd:next', next)
  if options then call('HSET', hash, 'qd:opts', options) end
else
  call('DEL', hash)
end
return {next, fields, options, back and 1 or 0}
