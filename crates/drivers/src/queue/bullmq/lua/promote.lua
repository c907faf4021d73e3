-- Delayed jobs become due now. ARGV: ids.
local most = kept_events(false)
local answers = {}

local function promote(id)
  if call('ZREM', base .. 'delayed', id) == 0 then return GONE end
  local key = base .. id
  ready(base, id, tonumber(call('HGET', key, 'priority') or 0) or 0, 'LPUSH')
  tell(most, 'event', 'waiting', 'jobId', id, 'prev', 'delayed')
  call('HSET', key, 'delay', 0)
  return DONE
end

for i = 1, #ARGV do answers[i] = promote(ARGV[i]) end
return answers
