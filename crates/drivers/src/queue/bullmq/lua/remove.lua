-- Deletes jobs that do not run. Without a record ARGV is 'now' and ids; with one it is 'as recorded', the name under which is remembered what
-- was deleted, and, for each job, its id, state, score (empty for a list), number of values and the fields with their values: a job that is no longer like that stays.
local SETS = {'completed', 'waiting-children', 'delayed', 'failed', 'prioritized'}
local most = nil
local answers = {}

-- The set or list that holds the job, or nil.
local function take(id, key)
  for _, set in ipairs(SETS) do
    if call('ZREM', base .. set, id) == 1 then return set end
  end
  if drop(base .. 'wait', id) then return 'wait' end
  if drop(base .. 'paused', id) then return 'paused' end
  return call('LPOS', base .. 'active', id) and 'active' or nil
end

-- A parent that waited for this child alone becomes ready.
local function release(parent, key)
  if call('SREM', parent .. ':dependencies', key) == 0 or call('SCARD', parent .. ':dependencies') > 0 then return end
  local queue, id = split(parent)
  if call('ZREM', queue .. 'waiting-children', id) == 0 then return end
  ready(queue, id, 0, 'RPUSH')
  call('XADD', queue .. 'events', '*', 'event', 'waiting', 'jobId', id, 'prev', 'waiting-children')
end

local function forget_unique(id, unique)
  if unique and call('GET', base .. 'de:' .. unique) == id then
    call('DEL', base .. 'de:' .. unique, base .. 'dn:' .. unique)
  end
end

local function remove(id)
  local key = base .. id
  local said = call('HMGET', key, 'parentKey', 'deid', 'name')
  if not said[3] and call('EXISTS', key) == 0 then return GONE end
  if call('EXISTS', key .. ':lock') == 1 then return RUNS end
  if pending(id, key) then return SCHEDULED end
  local parent = said[1] and said[1] ~= '' and said[1] or nil
  local alive = parent and reachable(parent)
  if parent and alive == nil then return ELSEWHERE end
  if call('ZSCORE', base .. 'waiting-children', id) and call('SCARD', key .. ':dependencies') > 0 then return PARENT end
  local state = take(id, key)
  if state == 'active' then return RUNS end
  if not state then return GONE end
  if alive then release(parent, key) end
  forget_unique(id, said[2])
  call('DEL', key, key .. ':logs', key .. ':dependencies', key .. ':processed', key .. ':failed', key .. ':unsuccessful')
  most = most or kept_events(true)
  tell(most, 'event', 'removed', 'jobId', id, 'prev', state)
  return DONE
end

-- Whether the job still is as recorded; `at` is where its state stands among the arguments.
local function unchanged(id, at)
  local state, score, count = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  local key = base .. id
  if score ~= '' and call('ZSCORE', base .. state, id) ~= score then return false end
  if call('HLEN', key) ~= count then return false end
  for i = at + 3, at + 1 + 2 * count, 2 do
    if call('HGET', key, ARGV[i]) ~= ARGV[i + 1] then return false end
  end
  return true
end

if ARGV[1] == 'now' then
  for i = 2, #ARGV do answers[i - 1] = remove(ARGV[i]) end
else
  local at, receipts = 3, receipt(ARGV[2])
  while at <= #ARGV do
    local id, count = ARGV[at], tonumber(ARGV[at + 3])
    -- Running comes first: a lock alone changes nothing that is recorded.
    local runs = call('EXISTS', base .. id .. ':lock') == 1
    local answer = receipts.has(id) and DONE or runs and RUNS or unchanged(id, at + 1) and remove(id) or GONE
    if answer == DONE then receipts.add(id) end
    answers[#answers + 1] = answer
    at = at + 4 + 2 * count
  end
end
return answers
