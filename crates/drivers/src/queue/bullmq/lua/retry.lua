-- Failed and completed jobs run again. ARGV: '1' to give all attempts back, with an 'f' behind it for failed jobs alone, then ids.
local reset = string.sub(ARGV[1], 1, 1) == '1'
local failed_alone = string.sub(ARGV[1], 2) == 'f'
local most = nil
local answers = {}

-- A child that runs again is waited for again.
local function claim(parent, key, state)
  local found
  if state == 'failed' then
    found = call('ZREM', parent .. ':unsuccessful', key) == 1 or call('HDEL', parent .. ':failed', key) == 1
  else
    found = call('HDEL', parent .. ':processed', key) == 1
  end
  if found then call('SADD', parent .. ':dependencies', key) end
end

local function retry(id)
  local key = base .. id
  local said = call('HMGET', key, 'priority', 'opts', 'parentKey')
  if not said[2] and call('EXISTS', key) == 0 then return GONE end
  local parent = said[3] and said[3] ~= '' and said[3] or nil
  local alive = parent and reachable(parent)
  if parent and alive == nil then return ELSEWHERE end
  local state, outcome = 'failed', 'failedReason'
  if call('ZREM', base .. 'failed', id) == 0 then
    if failed_alone then return GONE end
    state, outcome = 'completed', 'returnvalue'
    if call('ZREM', base .. 'completed', id) == 0 then return GONE end
  end
  if reset then
    call('HDEL', key, 'finishedOn', 'processedOn', outcome, 'atm', 'ats')
  else
    call('HDEL', key, 'finishedOn', 'processedOn', outcome)
  end
  local lifo = said[2] and string.find(said[2], '"lifo":true', 1, true) and cjson.decode(said[2]).lifo == true
  ready(base, id, tonumber(said[1] or 0) or 0, lifo and 'RPUSH' or 'LPUSH')
  if alive then claim(parent, key, state) end
  most = most or kept_events(true)
  tell(most, 'event', 'waiting', 'jobId', id, 'prev', state)
  return DONE
end

for i = 2, #ARGV do answers[i - 1] = retry(ARGV[i]) end
return answers
