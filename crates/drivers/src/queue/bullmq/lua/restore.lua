-- Brings deleted jobs back. ARGV: 'front' or 'back', the end of a long line for those of lists, of whom the first is the first to run; the
-- name under which is remembered what came back; then for each job: id, state, score (empty for a list), milliseconds that its key of uniqueness has left (-1:
-- without end, empty: it has none), '1' when its parent waited for it, then seven counts, each followed by that many values: the hash, log
-- lines, children awaited, children done (pairs), children whose failure is ignored (pairs), children whose failure counts (pairs of score and
-- key), the job that is to follow it (pairs).
local answers = {}
local most = kept_events(true)
local front = ARGV[1] == 'front'
local receipts = receipt(ARGV[2])
local at = 3

local function next_arg()
  at = at + 1
  return ARGV[at - 1]
end

local function next_list()
  local list = {}
  for i = 1, tonumber(next_arg()) do list[i] = next_arg() end
  return list
end

local function put(command, key, values)
  -- An even number: pairs stay together.
  for from = 1, #values, 1000 do
    call(command, key, unpack(values, from, math.min(from + 999, #values)))
  end
end

local function read()
  return {id = next_arg(), state = next_arg(), score = next_arg(), unique = next_arg(), waited = next_arg() == '1', hash = next_list(), logs = next_list(),
    awaited = next_list(), done = next_list(), failed = next_list(), counted = next_list(), follower = next_list()}
end

local function field(job, name)
  for i = 1, #job.hash, 2 do
    if job.hash[i] == name then return job.hash[i + 1] end
  end
end

local function store(job, key)
  put('HSET', key, job.hash)
  put('RPUSH', key .. ':logs', job.logs)
  put('SADD', key .. ':dependencies', job.awaited)
  put('HSET', key .. ':processed', job.done)
  put('HSET', key .. ':failed', job.failed)
  put('ZADD', key .. ':unsuccessful', job.counted)
  local unique = field(job, 'deid')
  if unique and job.unique ~= '' and call('SET', base .. 'de:' .. unique, job.id, 'NX') then
    if tonumber(job.unique) > 0 then call('PEXPIRE', base .. 'de:' .. unique, job.unique) end
    put('HSET', base .. 'dn:' .. unique, job.follower)
  end
end

-- A parent that still waits for others waits for this child again.
local function rejoin(job, key, parent)
  local queue, id = split(parent)
  if call('ZSCORE', queue .. 'waiting-children', id) then call('SADD', parent .. ':dependencies', key) end
end

local line = {}

local function enter(job)
  local set = base .. job.state
  if job.score == '' then
    line[#line + 1] = job.id
    return
  end
  call('ZADD', set, job.score, job.id)
  if job.state == 'delayed' then
    tell(most, 'event', 'delayed', 'jobId', job.id, 'delay', math.floor(tonumber(job.score) / 4096))
    remind()
  elseif job.state == 'prioritized' then
    if not held(base) then call('ZADD', base .. 'marker', 0, '0') end
    tell(most, 'event', 'waiting', 'jobId', job.id)
  else
    tell(most, 'event', 'restored', 'jobId', job.id, 'state', job.state)
  end
end

-- Whether the job that is there is this one: made in the same moment, under the same name.
local function same(job, key)
  local said = call('HMGET', key, 'timestamp', 'name')
  return said[1] == (field(job, 'timestamp') or false) and said[2] == (field(job, 'name') or false)
end

local function restore(job)
  local key = base .. job.id
  if receipts.has(job.id) then return DONE end
  if call('EXISTS', key) == 1 then return same(job, key) and THERE or EXISTS end
  local parent = field(job, 'parentKey')
  if parent == '' then parent = nil end
  local alive = parent and reachable(parent)
  if parent and alive == nil then return ELSEWHERE end
  store(job, key)
  if alive and job.waited then rejoin(job, key, parent) end
  if job.score == '' or job.state == 'delayed' or job.state == 'prioritized' then
    tell(most, 'event', 'added', 'jobId', job.id, 'name', field(job, 'name') or '')
  end
  enter(job)
  receipts.add(job.id)
  return DONE
end

local jobs = {}
while at <= #ARGV do jobs[#jobs + 1] = read() end
for i = 1, #jobs do answers[i] = restore(jobs[i]) end

-- Those of lists, together.
local list = ready_list(base)
if #line > 0 and call('LLEN', list) + #line <= SMALL then
  local all = weave(line, in_turn(list))
  call('DEL', list)
  push_all('LPUSH', list, all)
elseif front then
  local turned = {}
  for i = #line, 1, -1 do turned[#turned + 1] = line[i] end
  push_all('RPUSH', list, turned)
else
  push_all('LPUSH', list, line)
end
if #line > 0 and not held(base) then call('ZADD', base .. 'marker', 0, '0') end
for _, id in ipairs(line) do tell(most, 'event', 'waiting', 'jobId', id) end
return answers
