-- Delayed jobs become due so many milliseconds from now. ARGV: the milliseconds, then ids.
local delay = tonumber(ARGV[1])
local most = nil
local answers = {}

local function put_off(id)
  local key = base .. id
  if call('EXISTS', key) == 0 or not call('ZSCORE', base .. 'delayed', id) then return GONE end
  local due = now_ms() + delay
  local score = due_score(due)
  call('HSET', key, 'delay', delay)
  call('ZADD', base .. 'delayed', score, id)
  most = most or kept_events(true)
  tell(most, 'event', 'delayed', 'jobId', id, 'delay', due)
  return DONE
end

for i = 2, #ARGV do answers[i - 1] = put_off(ARGV[i]) end
remind()
return answers
