-- Deletes a schedule with the job that it waits for. ARGV: its id. Answers its fields and when it was due, or nothing when there is none.
local schedule = ARGV[1]
local next = call('ZSCORE', base .. 'repeat', schedule)
local fields = call('HGETALL', base .. 'repeat:' .. schedule)
if not next and #fields == 0 then return false end

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

if next then
  local id = 'repeat:' .. schedule .. ':' .. next
  local state = take(id)
  if state then
    local key = base .. id
    call('DEL', key, key .. ':logs', key .. ':dependencies', key .. ':processed', key .. ':failed', key .. ':unsuccessful')
    call('XADD', base .. 'events', '*', 'event', 'removed', 'jobId', id, 'prev', state)
  end
end
call('ZREM', base .. 'repeat', schedule)
call('DEL', base .. 'repeat:' .. schedule)
return {next or '', fields}
