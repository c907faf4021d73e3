-- Gives a queue without jobs its settings back. ARGV: fields of its key `meta` and their values. Answers 0 when it has jobs, which changes nothing.
for _, place in ipairs({'wait', 'paused', 'active', 'prioritized', 'delayed', 'waiting-children', 'completed', 'failed'}) do
  if call('EXISTS', base .. place) == 1 then return 0 end
end
local DIALS = {paused = true, concurrency = true, max = true, duration = true}
local meta = base .. 'meta'
for dial in pairs(DIALS) do call('HDEL', meta, dial) end
for i = 1, #ARGV, 2 do
  -- What the clients of now wrote about themselves stays.
  call(DIALS[ARGV[i]] and 'HSET' or 'HSETNX', meta, ARGV[i], ARGV[i + 1])
  if ARGV[i] == 'paused' then call('DEL', base .. 'marker') end
end
return 1
