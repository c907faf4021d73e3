-- Deletes what is left of a paused queue, `ARGV[1]` jobs at most. Answers -2 while jobs run, -1 when it is not paused, 1 when more is left, 0
-- at the end. Whether jobs run is asked first.
local budget = tonumber(ARGV[1])

if call('LLEN', base .. 'active') > 0 then return -2 end
if call('HEXISTS', base .. 'meta', 'paused') == 0 then return -1 end

-- Parents in other queues no longer wait for a job of this one.
local function release(parent, key)
  local queue, id = split(parent)
  if queue == base or not reachable(parent) then return end
  if call('SREM', parent .. ':dependencies', key) == 0 or call('SCARD', parent .. ':dependencies') > 0 then return end
  if call('ZREM', queue .. 'waiting-children', id) == 0 then return end
  ready(queue, id, 0, 'RPUSH')
  call('XADD', queue .. 'events', '*', 'event', 'waiting', 'jobId', id, 'prev', 'waiting-children')
end

local function delete(ids)
  for _, id in ipairs(ids) do
    local key = base .. id
    local said = call('HMGET', key, 'parentKey', 'deid')
    if said[1] and said[1] ~= '' then release(said[1], key) end
    if said[2] then call('DEL', base .. 'de:' .. said[2], base .. 'dn:' .. said[2]) end
    call('DEL', key, key .. ':logs', key .. ':dependencies', key .. ':processed', key .. ':failed', key .. ':unsuccessful', key .. ':lock')
  end
  budget = budget - #ids
end

for _, set in ipairs({'delayed', 'completed', 'prioritized', 'failed', 'waiting-children'}) do
  if budget > 0 then
    local ids = call('ZRANGE', base .. set, 0, budget - 1)
    delete(ids)
    if #ids > 0 then call('ZREMRANGEBYRANK', base .. set, 0, #ids - 1) end
  end
end
for _, list in ipairs({'wait', 'paused'}) do
  if budget > 0 then
    local ids = call('LRANGE', base .. list, 0, budget - 1)
    delete(ids)
    if #ids > 0 then call('LTRIM', base .. list, #ids, -1) end
  end
end
if budget > 0 then
  local schedules = call('ZRANGE', base .. 'repeat', 0, budget - 1)
  for _, schedule in ipairs(schedules) do call('DEL', base .. 'repeat:' .. schedule) end
  if #schedules > 0 then call('ZREMRANGEBYRANK', base .. 'repeat', 0, #schedules - 1) end
  budget = budget - #schedules
end
if budget <= 0 then return 1 end
for _, rest in ipairs({'events', 'delay', 'stalled-check', 'stalled', 'id', 'pc', 'marker', 'limiter', 'metrics:completed',
  'metrics:completed:data', 'metrics:failed', 'metrics:failed:data', 'meta'}) do
  call('UNLINK', base .. rest)
end
return 0
