-- Stops workers from taking jobs, as the queue's own clients do. ARGV: most jobs to move. Answers how many are left to move: call again.
local meta = base .. 'meta'
if call('HEXISTS', meta, 'paused') == 1 then return 0 end
if apart(base) then
  -- Left over from a pause before: they go first, and their list must be free, for the next line takes its name.
  local left = merge(tonumber(ARGV[1]))
  if left > 0 then return left end
  if call('EXISTS', base .. 'wait') == 1 then call('RENAME', base .. 'wait', base .. 'paused') end
end
call('HSET', meta, 'paused', 1)
call('DEL', base .. 'marker')
call('XADD', base .. 'events', '*', 'event', 'paused')
return 0
