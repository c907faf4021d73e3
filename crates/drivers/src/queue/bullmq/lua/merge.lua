-- Brings the jobs of `paused` back to `wait`, at most `most` of them, and answers how many are left. Nothing is ever overwritten; the tail of
-- both lists is what runs next. While jobs are left the queue stays as it is, so a caller that dies in between has lost nothing.
local SMALL = 1000

local function made(id)
  return tonumber(call('HGET', base .. id, 'timestamp') or 0) or 0
end

-- Two short lists become one, by the time at which the jobs were made; each keeps its own order.
local function interleave(paused, wait)
  local first, second = call('LRANGE', paused, 0, -1), call('LRANGE', wait, 0, -1)
  local i, j, line = #first, #second, {}
  local a, b = i > 0 and made(first[i]), j > 0 and made(second[j])
  while i > 0 or j > 0 do
    if j == 0 or (i > 0 and a <= b) then
      line[#line + 1] = first[i]
      i = i - 1
      a = i > 0 and made(first[i])
    else
      line[#line + 1] = second[j]
      j = j - 1
      b = j > 0 and made(second[j])
    end
  end
  call('DEL', paused, wait)
  push_all('LPUSH', wait, line)
end

local function merge(most)
  local paused, wait = base .. 'paused', base .. 'wait'
  local left, waiting = call('LLEN', paused), call('LLEN', wait)
  if left == 0 then return 0 end
  if waiting == 0 then
    call('RENAME', paused, wait)
    return 0
  end
  if left + waiting <= SMALL then
    interleave(paused, wait)
    return 0
  end
  if made(call('LINDEX', paused, -1)) <= made(call('LINDEX', wait, -1)) then
    -- They waited longer: in front of the others.
    local ids = call('LRANGE', paused, 0, most - 1)
    push_all('RPUSH', wait, ids)
    call('LTRIM', paused, #ids, -1)
  else
    local ids, line = call('LRANGE', paused, -most, -1), {}
    for i = #ids, 1, -1 do line[#line + 1] = ids[i] end
    push_all('LPUSH', wait, line)
    call('LTRIM', paused, 0, -(#ids + 1))
  end
  return call('LLEN', paused)
end
