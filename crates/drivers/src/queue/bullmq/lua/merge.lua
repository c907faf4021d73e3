-- Brings the jobs of `paused` back to `wait`, at most `most` of them, and answers how many are left. Nothing is ever overwritten; the tail of
-- both lists is what runs next. While jobs are left the queue stays as it is, so a caller that dies in between has lost nothing.
local function merge(most)
  local paused, wait = base .. 'paused', base .. 'wait'
  local left, waiting = call('LLEN', paused), call('LLEN', wait)
  if left == 0 then return 0 end
  if waiting == 0 then
    call('RENAME', paused, wait)
    return 0
  end
  if left + waiting <= SMALL then
    local line = weave(in_turn(paused), in_turn(wait))
    call('DEL', paused, wait)
    push_all('LPUSH', wait, line)
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
