/** Everything that writes more than one key is one script: Redis runs it whole or not at all. */
import { createHash } from "node:crypto";

export interface Script {
  readonly text: string;
  readonly sha: string;
}

export const script = (text: string): Script => ({ text, sha: createHash("sha1").update(text).digest("hex") });

/** `fence` is an epoch, or empty. */
const fenced = `
local function fenced(key, fence) return fence ~= '' and redis.call('GET', key) ~= fence end
`;

/**
 * ARGV from \`at\` on: seq and hash of the record that the lines were chained to, how many ids are remembered, and for
 * each record its line and its id (or ''). A hash needs SHA-256, which scripts have not: who writes chains the lines, and
 * is told where the chain ends when somebody else was quicker.
 */
export const append = `
local function append(head, stream, ids, at)
  local seq, hash = tonumber(ARGV[at]), ARGV[at + 1]
  local last = redis.call('HMGET', head, 'seq', 'hash')
  local lastSeq, lastHash = tonumber(last[1] or 0), last[2] or string.rep('0', 64)
  local known = {'known'}
  for i = at + 3, #ARGV, 2 do
    if ARGV[i + 1] ~= '' and redis.call('ZSCORE', ids, ARGV[i + 1]) then known[#known + 1] = ARGV[i + 1] end
  end
  if #known > 1 then return known end
  if lastSeq ~= seq or lastHash ~= hash then return {'chain', string.format('%.0f', lastSeq), lastHash} end
  for i = at + 3, #ARGV, 2 do
    seq = seq + 1
    redis.call('XADD', stream, string.format('%.0f-0', seq), 'line', ARGV[i])
    if ARGV[i + 1] ~= '' then redis.call('ZADD', ids, seq, ARGV[i + 1]) end
    hash = string.match(ARGV[i], '"hash":"(%x+)"}$')
  end
  redis.call('HSET', head, 'seq', string.format('%.0f', seq), 'hash', hash)
  redis.call('ZREMRANGEBYRANK', ids, 0, -1 - tonumber(ARGV[at + 2]))
  return false
end
`;

const time = `
local function nowMs() local t = redis.call('TIME') return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000) end
`;

export const scripts = {
  /** KEYS document, index, epoch, head, stream, ids. ARGV key, JSON, expected, id, fence, channel, then as `append`. */
  put: script(`${fenced}${append}
local was = redis.call('HMGET', KEYS[1], 'value', 'revision', 'id')
local present = was[1] and tonumber(was[2]) or 0
if ARGV[4] ~= '' and was[1] and was[3] == ARGV[4] then return {'written', present} end
if fenced(KEYS[3], ARGV[5]) then return {'fenced'} end
if present ~= tonumber(ARGV[3]) then return {'stale'} end
if #ARGV > 9 then
  local conflict = append(KEYS[4], KEYS[5], KEYS[6], 7)
  if conflict then return conflict end
end
local revision = tonumber(was[2] or 0) + 1
redis.call('HSET', KEYS[1], 'value', ARGV[2], 'revision', revision, 'id', ARGV[4])
redis.call('ZADD', KEYS[2], 0, ARGV[1])
redis.call('PUBLISH', ARGV[6], ARGV[1])
return {'written', revision}`),

  /** KEYS document, index, epoch. ARGV key, expected, fence, channel. The revision stays: none is used twice. */
  remove: script(`${fenced}
if fenced(KEYS[3], ARGV[3]) then return {'fenced'} end
local was = redis.call('HMGET', KEYS[1], 'value', 'revision')
if not was[1] or tonumber(was[2]) ~= tonumber(ARGV[2]) then return {'stale'} end
redis.call('HDEL', KEYS[1], 'value', 'id')
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('PUBLISH', ARGV[4], ARGV[1])
return {'written', 0}`),

  /** KEYS epoch, head, stream, ids. ARGV fence, then as `append`. */
  append: script(`${fenced}${append}
if fenced(KEYS[1], ARGV[1]) then return {'fenced'} end
return append(KEYS[2], KEYS[3], KEYS[4], 2) or {'written', 0}`),

  /** KEYS stream, head. ARGV seq and hash of the last record that an archive has. @returns whether those up to it went */
  trim: script(`
local entry = redis.call('XRANGE', KEYS[1], ARGV[1] .. '-0', ARGV[1] .. '-0')[1]
if not entry or string.match(entry[2][2], '"hash":"(%x+)"}$') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[2], 'anchorSeq', ARGV[1], 'anchorHash', ARGV[2])
redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f-0', tonumber(ARGV[1]) + 1))
return 1`),

  /** KEYS lease, epoch. ARGV holder, ttl, the highest epoch that the caller has seen. @returns the epoch, or nil */
  lease: script(`${time}
if redis.call('EXISTS', KEYS[1]) == 1 then return false end
local epoch = math.max(tonumber(redis.call('GET', KEYS[2]) or 0), tonumber(ARGV[3])) + 1
epoch = string.format('%.0f', math.max(epoch, nowMs()))
redis.call('SET', KEYS[2], epoch)
redis.call('SET', KEYS[1], epoch .. ' ' .. ARGV[1], 'PX', ARGV[2])
return epoch`),

  /** KEYS lease, epoch. ARGV epoch, holder, ttl. */
  renew: script(`
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
return 1`),

  /** KEYS lease. ARGV epoch. */
  release: script(`
local held = redis.call('GET', KEYS[1])
if held and string.match(held, '^%d+') == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`),

  /** KEYS values, deadlines. ARGV name, JSON, ttl. */
  setEphemeral: script(`${time}
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], nowMs() + tonumber(ARGV[3]), ARGV[1])
return 1`),

  /** KEYS values, deadlines. @returns names and values by turns */
  ephemeral: script(`${time}
local late = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', nowMs())
for i = 1, #late do redis.call('HDEL', KEYS[1], late[i]) end
if #late > 0 then redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', nowMs()) end
return redis.call('HGETALL', KEYS[1])`),
} as const;
