-- Lets workers take jobs again. ARGV: most jobs to move, '1' when a call before moved some. Answers how many are left to move: call again.
local was = call('HEXISTS', base .. 'meta', 'paused') == 1 or ARGV[2] == '1' or call('EXISTS', base .. 'paused') == 1
local left = merge(tonumber(ARGV[1]))
if left > 0 then return left end
-- Only now: as long as both lists hold jobs, nobody takes any, and their order stays.
call('HDEL', base .. 'meta', 'paused')
if call('LLEN', base .. 'wait') + call('ZCARD', base .. 'prioritized') > 0 then
  call('ZADD', base .. 'marker', 0, '0')
else
  remind()
end
if was then call('XADD', base .. 'events', '*', 'event', 'resumed') end
return 0
