-- What all scripts share. KEYS[1] is what every key of the queue begins with, its colon included: "bull:mail:".
local call = redis.call
local base = KEYS[1]

-- Answers for one job; the driver puts them into words.
local THERE = 2
local DONE, GONE, RUNS, SCHEDULED, PARENT, ELSEWHERE, EXISTS = 1, 0, -1, -2, -3, -4, -5
-- Turns within one point of priority.
local TURNS = 4294967296

-- Whether no worker may be woken: the queue is paused, or as many jobs run as may.
local function held(queue)
  local said = call('HMGET', queue .. 'meta', 'paused', 'concurrency')
  if said[1] then return true end
  return said[2] and call('LLEN', queue .. 'active') >= tonumber(said[2]) or false
end

-- Whether clients of this queue keep the jobs of a paused queue in a list of their own, as releases before 6 do.
local function apart(queue)
  local kind, major = string.match(call('HGET', queue .. 'meta', 'version') or '', '^([%a%-]+):(%d+)')
  if kind == 'bullmq' then return tonumber(major) < 6 end
  return kind == 'bullmq-pro' and tonumber(major) < 8
end

-- The list that ready jobs join. While the queue is paused it is the one from which no way of resuming loses them.
local function ready_list(queue)
  if call('HEXISTS', queue .. 'meta', 'paused') == 0 then return queue .. 'wait' end
  if call('EXISTS', queue .. 'paused') == 1 then return queue .. 'paused' end
  if call('EXISTS', queue .. 'wait') == 1 then return queue .. 'wait' end
  return queue .. (apart(queue) and 'paused' or 'wait')
end

-- Which jobs a call over an archive acted on, under its name, for three days: one that is made again does nothing twice.
local RECEIPT_SECONDS = 259200

local function receipt(name)
  local key, made = base .. name, false
  return {
    has = function(id) return call('SISMEMBER', key, id) == 1 end,
    add = function(id)
      call('SADD', key, id)
      if not made then call('EXPIRE', key, RECEIPT_SECONDS) end
      made = true
    end,
  }
end

local lines = {}

-- Makes a job ready to run; `push` is LPUSH for the end of the line, RPUSH for its front.
local function ready(queue, id, priority, push)
  local line = lines[queue]
  if not line then
    -- Neither changes while a script runs, and one call wakes.
    line = {list = ready_list(queue), held = held(queue)}
    lines[queue] = line
  end
  if priority > 0 then
    local turn = call('INCR', queue .. 'pc')
    call('ZADD', queue .. 'prioritized', priority * TURNS + turn % TURNS, id)
  else
    call(push, line.list, id)
  end
  if not line.held then
    call('ZADD', queue .. 'marker', 0, '0')
    line.held = true
  end
end

-- Tells workers when the next delayed job is due.
local function remind()
  local first = call('ZRANGE', base .. 'delayed', 0, 0, 'WITHSCORES')
  if first[2] then call('ZADD', base .. 'marker', tonumber(first[2]) / 4096, '1') end
end

-- Score of a job due at `due` milliseconds: behind those due at the same moment.
local function due_score(due)
  local first, last = due * 4096, due * 4096 + 4095
  local found = call('ZREVRANGEBYSCORE', base .. 'delayed', last, first, 'WITHSCORES', 'LIMIT', 0, 1)
  if not found[2] then return first end
  return math.min(tonumber(found[2]) + 1, last)
end

-- How many events are kept; `settle` writes the usual number where none is set, as the library does in the same places.
local function kept_events(settle)
  local most = call('HGET', base .. 'meta', 'opts.maxLenEvents')
  if most then return most end
  if settle then call('HSET', base .. 'meta', 'opts.maxLenEvents', 10000) end
  return 10000
end

local function tell(most, ...)
  call('XADD', base .. 'events', 'MAXLEN', '~', most, '*', ...)
end

local function now_ms()
  local time = call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- What a key of a job says: the beginning of its queue's keys, and its id.
local function split(key)
  return string.match(key, '^(.*:)([^:]*)$')
end

-- Whether the parent's keys can be reached: in a cluster they may lie on another node, and a script must not stop half way.
local function reachable(parent)
  local answer = redis.pcall('EXISTS', parent)
  if type(answer) == 'table' then return nil end
  return answer == 1
end

-- Whether `id` is the job that a schedule waits for: without it the schedule ends.
local function pending(id, key)
  if string.sub(id, 1, 7) ~= 'repeat:' then return false end
  local schedule = call('HGET', key, 'rjk') or string.match(id, '^repeat:(.*):%d+$')
  local next = schedule and call('ZSCORE', base .. 'repeat', schedule)
  return next and id == 'repeat:' .. schedule .. ':' .. next or false
end

-- Puts in one after the other, a thousand at a time: more arguments do not fit a call.
local function push_all(push, list, ids)
  for from = 1, #ids, 1000 do
    call(push, list, unpack(ids, from, math.min(from + 999, #ids)))
  end
end

-- Entries at the head of a long list that are looked at before the rest.
local HEAD = 20000

-- Takes a job out of a list, from the tail, where what runs next stands. In a long one the newest are looked for first.
local function drop(list, id)
  if call('LLEN', list) > 2 * HEAD and call('LPOS', list, id, 'RANK', -1, 'MAXLEN', HEAD) == false and
    call('LPOS', list, id, 'MAXLEN', HEAD) then
    return call('LREM', list, 1, id) == 1
  end
  return call('LREM', list, -1, id) == 1
end

-- Jobs of lists that are put in order by their age, at most; longer ones only at their ends.
local SMALL = 1000

local function made(id)
  return tonumber(call('HGET', base .. id, 'timestamp') or 0) or 0
end

-- The ids of a list, the next to run first.
local function in_turn(list)
  local ids, line = call('LRANGE', list, 0, -1), {}
  for i = #ids, 1, -1 do line[#line + 1] = ids[i] end
  return line
end

-- Whether a job is older than another: within a millisecond by the number that most have as their id.
local function older(made, id, other_made, other)
  if made ~= other_made then return made < other_made end
  return (tonumber(id) or math.huge) <= (tonumber(other) or math.huge)
end

-- Two lines become one, by age; each keeps its own order.
local function weave(first, second)
  local line, i, j = {}, 1, 1
  local a, b = first[1] and made(first[1]), second[1] and made(second[1])
  while first[i] or second[j] do
    if not second[j] or (first[i] and older(a, first[i], b, second[j])) then
      line[#line + 1] = first[i]
      i = i + 1
      a = first[i] and made(first[i])
    else
      line[#line + 1] = second[j]
      j = j + 1
      b = second[j] and made(second[j])
    end
  end
  return line
end
