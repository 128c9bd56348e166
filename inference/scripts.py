"""The scripts that change the wire protocol's keys in Redis.

Everything that must happen together happens in one script, so that a process may die between any two
commands. They are sent whole each time: a server that was restarted need not be taught them anew.
"""

from __future__ import annotations

_NOW = "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"

# KEYS requests, workers; ARGV limit, longest life, grace, then 7 a request: version, id, trace, life, reply,
# call, payload. Returns how many workers live, then the entry a request, '' where the queue is full. The
# stream outlives its last request by the grace only, so that no text stays where everybody has died.
SUBMIT = (
    _NOW
    + """
local limit, longest, grace = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('XTRIM', KEYS[1], 'MINID', string.format('%d', now - longest - grace))
for _, old in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 4)) do
  for i = 1, #old[2], 2 do
    if old[2][i] == 'deadline' and (tonumber(old[2][i + 1]) or 0) + grace < now then
      redis.call('XDEL', KEYS[1], old[1])
    end
  end
end
local room = limit - redis.call('XLEN', KEYS[1])
local added = {redis.call('ZCOUNT', KEYS[2], string.format('%d', now), '+inf')}
local latest = 0
for i = 4, #ARGV, 7 do
  if room > 0 then
    local life = math.min(tonumber(ARGV[i + 3]), longest)
    latest, room = math.max(latest, life), room - 1
    added[#added + 1] = redis.call('XADD', KEYS[1], '*', 'v', ARGV[i], 'id', ARGV[i + 1],
      'trace', ARGV[i + 2], 'deadline', string.format('%d', now + life), 'reply', ARGV[i + 4],
      'call', ARGV[i + 5], 'payload', ARGV[i + 6])
  else
    added[#added + 1] = ''
  end
end
if latest > 0 and redis.call('PTTL', KEYS[1]) < latest + grace then
  redis.call('PEXPIRE', KEYS[1], string.format('%d', latest + grace))
end
return added
"""
)

# KEYS requests, then 2 a request: reply stream, mark; ARGV group, grace, reply life, reply length, duplicate
# payload, then 5 a request: entry, deadline, call, payload ('' for none: the request is only dropped), 1
# where it is an answer and no error (after an error the id may be asked anew). Who withdrew is sent nothing.
# Returns how many were answered here, were duplicates, had been answered before, came too late.
FINISH = (
    _NOW
    + """
local sent, duplicates, before, late = 0, 0, 0, 0
for i = 6, #ARGV, 5 do
  local place = (i - 6) / 5 * 2 + 2
  local reply, mark = KEYS[place], KEYS[place + 1]
  local entry, life, call, payload = ARGV[i], tonumber(ARGV[i + 1]) - now, ARGV[i + 2], ARGV[i + 3]
  redis.call('XACK', KEYS[1], ARGV[1], entry)
  local is_open = redis.call('XDEL', KEYS[1], entry) == 1
  if not is_open then
    payload = ''
  elseif payload ~= '' and life <= 0 then
    payload, late = '', late + 1
  end
  if payload ~= '' then
    local owner = reply .. '#' .. call
    local found = redis.call('GET', mark)
    if not found then
      if ARGV[i + 4] == '1' then redis.call('SET', mark, owner, 'PX', string.format('%d', life + ARGV[2])) end
      sent = sent + 1
    elseif found ~= owner then
      payload, duplicates = ARGV[5], duplicates + 1
    else
      payload, before = '', before + 1
    end
  end
  if payload ~= '' then
    redis.call('XADD', reply, 'MAXLEN', '~', ARGV[4], '*', 'call', call, 'payload', payload)
    redis.call('PEXPIRE', reply, ARGV[3])
  end
end
return {sent, duplicates, before, late}
"""
)

# KEYS workers; ARGV name, life, trace. Returns the time and how many workers live.
HEARTBEAT = (
    _NOW
    + """
redis.call('ZADD', KEYS[1], string.format('%d', now + ARGV[2]), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%d', now - ARGV[3]))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {now, redis.call('ZCOUNT', KEYS[1], string.format('%d', now), '+inf')}
"""
)

# KEYS requests, workers; ARGV group, my name, least idle time, stale time, count, trace, life of a worker.
# Takes over what dead workers owe, and what anybody has owed for longer than the stale time; forgets the dead
# that owe nothing. What was taken over before comes alone: it may be what they died of, and what was not
# begun must not be counted with it. Returns {deliveries, entry, fields} a request.
CLAIM = (
    _NOW
    + """
local function is_dead(name)
  local seen = tonumber(redis.call('ZSCORE', KEYS[2], name) or 0)
  return seen < now or seen > now + ARGV[7]
end
local claimed = {}
local function take(rows)
  for _, row in ipairs(rows) do
    local is_alone = row[4] > 1
    if is_alone and #claimed > 0 then return end
    for _, pair in ipairs(redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, row[1])) do
      if pair then claimed[#claimed + 1] = {row[4] + 1, pair[1], pair[2]} end
    end
    if is_alone and #claimed > 0 then return end
  end
end
for _, row in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local name, owed, idle = row[2], row[4], row[6]
  if name ~= ARGV[2] and is_dead(name) then
    if owed > 0 then
      take(redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[3], '-', '+', ARGV[5], name))
    elseif idle > tonumber(ARGV[6]) then
      redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], name)
    end
  end
end
take(redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[4], '-', '+', ARGV[5]))
return claimed
"""
)

# KEYS requests, workers; ARGV group, name. A consumer that owes something stays, for others to take it over.
LEAVE = """
redis.call('ZREM', KEYS[2], ARGV[2])
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) == 0 then
  redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
end
return 1
"""

# KEYS requests, then a mark a request; ARGV the entries. Returns how each stands: 0 it was withdrawn (its
# entry is gone), 1 it is open, 2 one of its id has been answered.
STANDING = """
local standing = {}
for i, entry in ipairs(ARGV) do
  local is_there = #redis.call('XRANGE', KEYS[1], entry, entry) > 0
  standing[i] = not is_there and 0 or 1 + redis.call('EXISTS', KEYS[i + 1])
end
return standing
"""

# KEYS hash, ages; ARGV size, life, then 2 an entry: digest, value. Older entries make room.
STORE = (
    _NOW
    + """
local expires = string.format('%d', now + ARGV[2])
local gone = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', string.format('%d', now), 'LIMIT', 0, 1000)
if #gone > 0 then redis.call('ZREM', KEYS[2], unpack(gone)) redis.call('HDEL', KEYS[1], unpack(gone)) end
for i = 3, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  redis.call('ZADD', KEYS[2], expires, ARGV[i])
end
local over = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[1])
if over > 0 then
  local oldest = redis.call('ZPOPMIN', KEYS[2], over)
  for i = 1, #oldest, 2 do redis.call('HDEL', KEYS[1], oldest[i]) end
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return redis.call('ZCARD', KEYS[2])
"""
)

# KEYS hash, ages; ARGV digests. Returns the value of each that has not expired, '' for the others.
LOOKUP = (
    _NOW
    + """
local found = {}
for i, digest in ipairs(ARGV) do
  local expires = redis.call('ZSCORE', KEYS[2], digest)
  found[i] = expires and tonumber(expires) > now and redis.call('HGET', KEYS[1], digest) or ''
end
return found
"""
)
