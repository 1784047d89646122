import { append, script } from "./scripts.ts";

/** Of the shared dynamic document: a string, whoever wrote it. */
export const configScripts = {
  /** KEYS config, history. ARGV the digest that the caller has. @returns nil: none; 1: that one; else the text, and 1 where the history begins with it */
  read: script(`
local text = redis.call('GET', KEYS[1])
if not text then return false end
local digest = redis.sha1hex(text)
if digest == ARGV[1] then return 1 end
local newest = redis.call('LINDEX', KEYS[2], 0)
return {text, newest and string.match(newest, '^{"digest":"(%x+)"') == digest and 1 or 0}`),

  /** KEYS config, history, head, stream, ids. ARGV expected digest or '', text, entry, channel, entries kept, then as `append`. */
  write: script(`${append}
local was = redis.call('GET', KEYS[1])
if (was and redis.sha1hex(was) or '') ~= ARGV[1] then return {'stale'} end
local conflict = append(KEYS[3], KEYS[4], KEYS[5], 6)
if conflict then return conflict end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('LPUSH', KEYS[2], ARGV[3])
redis.call('LTRIM', KEYS[2], 0, tonumber(ARGV[5]) - 1)
redis.call('PUBLISH', ARGV[4], 'applied')
return {'written', 0}`),

  /** KEYS config, history, head, stream, ids. ARGV digest, entry, entries kept, then as `append`. */
  remember: script(`${append}
local text = redis.call('GET', KEYS[1])
if not text or redis.sha1hex(text) ~= ARGV[1] then return {'stale'} end
local newest = redis.call('LINDEX', KEYS[2], 0)
if newest and string.match(newest, '^{"digest":"(%x+)"') == ARGV[1] then return {'remembered'} end
local conflict = append(KEYS[3], KEYS[4], KEYS[5], 4)
if conflict then return conflict end
redis.call('LPUSH', KEYS[2], ARGV[2])
redis.call('LTRIM', KEYS[2], 0, tonumber(ARGV[3]) - 1)
return {'written', 0}`),
} as const;
