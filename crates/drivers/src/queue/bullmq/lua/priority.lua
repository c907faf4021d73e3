-- Another priority for jobs that did not begin. ARGV: the priority, then ids.
local priority = tonumber(ARGV[1])
local answers = {}

local function in_any(id, ...)
  for _, set in ipairs({...}) do
    if call('ZSCORE', base .. set, id) then return true end
  end
  return false
end

local function change(id)
  local key = base .. id
  if call('EXISTS', key) == 0 or in_any(id, 'completed', 'failed') then return GONE end
  if call('EXISTS', key .. ':lock') == 1 then return RUNS end
  if not in_any(id, 'delayed', 'waiting-children') then
    local taken = call('ZREM', base .. 'prioritized', id) == 1 or drop(base .. 'wait', id) or
      drop(base .. 'paused', id)
    if not taken then return GONE end
    ready(base, id, priority, 'LPUSH')
  end
  call('HSET', key, 'priority', priority)
  return DONE
end

for i = 2, #ARGV do answers[i - 1] = change(ARGV[i]) end
return answers
