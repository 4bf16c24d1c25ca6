/**
 * Makes `ioredis-mock` run Lua by Redis' rules: arguments, replies and errors are converted as Redis documents it, and
 * the outcome is handed over in RESP, the form a server would have sent.
 */
import { COMMAND_RULES, FLAG_OPTIONS, VALUE_OPTIONS } from './redis-commands.ts';
import { RedisError, type RedisReply } from './redis-driver.ts';

const rules = [...COMMAND_RULES]
  .map(([name, { arity, reply, ...at }]) => {
    return `['${name}'] = { ${arity}, '${reply}', ${at.optionsFrom}, ${at.integerAt}, ${at.pairsFrom} },`;
  })
  .join('');
const options = [...FLAG_OPTIONS.map((name) => [name, 0] as const), ...VALUE_OPTIONS]
  .map(([name, values]) => `['${name}'] = ${values},`)
  .join('');

/**
 * Why, point by point: integers are 32 bits wide here, so large numbers are made doubles, as all are in Redis; the
 * mock loses an empty string in a lone reply, but not inside an array, so GET and HGET ask for an array of one.
 */
const PRELUDE = `
local rules, options = { ${rules} }, { ${options} }
local parseNumber, plainText = tonumber, tostring
local raw, null = call, call(true, 'mget', '')[1]
local SMALL = 1000000
local function number(n)
  if n >= -SMALL and n <= SMALL and n == math.floor(n) then return math.floor(n) end
  return n + 0.0
end
local function text(v)
  if type(v) == 'number' then
    if v == math.floor(v) and v > -1e17 and v < 1e17 then return string.format('%.0f', v) end
    return string.format('%.17g', v)
  end
  return v
end
local function convert(v, kind)
  if v == nil or v == null or v == false then return false end
  if v == true then return 1 end
  if type(v) == 'number' then
    if kind == 'integer' then return number(v) end
    return text(v)
  end
  if type(v) == 'userdata' then
    local list = {}
    for i = 1, #v do list[i] = convert(v[i], kind) end
    return list
  end
  return v
end
local NOT_AN_INTEGER = 'ERR value is not an integer or out of range'
local function fail(message) return { err = message } end
local function run(...)
  local words = { ... }
  local count = select('#', ...)
  if count == 0 then return fail('ERR Please specify at least one argument for this redis.call()') end
  for i = 1, count do
    words[i] = text(words[i])
    if type(words[i]) ~= 'string' then
      return fail('ERR Lua redis lib command arguments must be strings or integers')
    end
  end
  local name = string.lower(words[1])
  local rule = rules[name]
  if rule == nil then return fail('ERR Unknown Redis command called from script') end
  local arity, kind, from, integer, pairs = table.unpack(rule)
  if (arity >= 0 and count ~= arity) or count < -arity or (pairs > 0 and (count - pairs) % 2 ~= 0) then
    return fail('ERR Wrong number of args calling Redis command from script')
  end
  if integer > 0 and not string.find(words[integer + 1], '^%-?%d+$') then return fail(NOT_AN_INTEGER) end
  local at = from > 0 and from + 1 or count + 1
  while at <= count do
    local option = string.upper(words[at])
    local values = options[option]
    if values == nil or at + values > count then return fail('ERR syntax error') end
    if string.find(option, '^[EP]X') and not string.find(words[at + 1], '^[1-9]%d*$') then
      return fail(NOT_AN_INTEGER)
    end
    words[at] = option
    at = at + 1 + values
  end
  local lone = name == 'get' or name == 'hget'
  words[1] = name == 'get' and 'mget' or name == 'hget' and 'hmget' or name
  local reply = raw(true, table.unpack(words))
  if type(reply) == 'userdata' and reply ~= null and reply[0] == 'error' then
    return fail((string.gsub(reply[1], '^%a*Error: ', '')))
  end
  reply = convert(reply, kind)
  if lone and type(reply) == 'table' then reply = reply[1] end
  if kind == 'status' and type(reply) == 'string' then return { ok = reply } end
  return reply
end
redis = {
  pcall = run,
  call = function(...)
    local reply = run(...)
    if type(reply) == 'table' and reply.err then error(reply, 0) end
    return reply
  end,
  error_reply = function(message) return { err = message } end,
  status_reply = function(message) return { ok = message } end,
  log = function() end,
  LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3,
}
function tonumber(v, base)
  if base ~= nil then return parseNumber(v, base) end
  local n = parseNumber(v)
  return n and number(n)
end
function tostring(v)
  if type(v) == 'number' then
    if v == math.floor(v) and v > -1e14 and v < 1e14 then return string.format('%.0f', v) end
    return string.format('%.14g', v)
  end
  return plainText(v)
end
math.pow = function(x, y) return x ^ y end
loadstring = load
local compile = load
call, repair, io, package, require, dofile, loadfile, debug = nil, nil, nil, nil, nil, nil, nil, nil
os = { clock = os.clock }
local function encode(v)
  local kind = type(v)
  if kind == 'string' then return '$' .. string.format('%d', #v) .. '\\r\\n' .. v .. '\\r\\n' end
  if kind == 'number' then
    return ':' .. string.format('%.0f', v < 0 and math.ceil(v) or math.floor(v)) .. '\\r\\n'
  end
  if v == true then return ':1\\r\\n' end
  if kind ~= 'table' then return '$-1\\r\\n' end
  if type(v.err) == 'string' then return '-' .. v.err .. '\\r\\n' end
  if type(v.ok) == 'string' then return '+' .. v.ok .. '\\r\\n' end
  local items = {}
  for i, item in ipairs(v) do items[i] = encode(item) end
  return '*' .. string.format('%d', #items) .. '\\r\\n' .. table.concat(items)
end
local function finish(ok, outcome)
  if ok then return encode(outcome) end
  if type(outcome) == 'table' and outcome.err then return encode(outcome) end
  return encode(fail('ERR ' .. plainText(outcome)))
end
setmetatable(_G, {
  __index = function(_, name)
    error("Script attempted to access nonexistent global variable '" .. plainText(name) .. "'", 2)
  end,
  __newindex = function(_, name)
    error("Script attempted to create global variable '" .. plainText(name) .. "'", 2)
  end,
})
`.replaceAll('\n', ' ');

/**
 * What a machine runs before any script: it defines `redis` as Redis has it, and returns what compiles a script and what
 * runs it, giving its outcome as RESP text, read with `readScriptReply`.
 */
export const BOOT = `${PRELUDE}
local function compileScript(script)
  local chunk, problem = compile(script, '@user_script')
  return chunk or 'ERR Error compiling script (new function): ' .. problem
end
local function runScript(chunk, keys, args)
  rawset(_G, 'KEYS', keys)
  rawset(_G, 'ARGV', args)
  return finish(pcall(chunk))
end
return compileScript, runScript`;

/** Reads the RESP text of a script's outcome. Throws `RedisError` when the script failed or returned an error. */
export function readScriptReply(text: string): RedisReply {
  const bytes = Buffer.from(text);
  let at = 0;
  const line = (): string => {
    const end = bytes.indexOf('\r\n', at);
    const content = bytes.toString('utf8', at, end);
    at = end + 2;
    return content;
  };
  const value = (): RedisReply => {
    const head = line();
    const rest = head.slice(1);
    switch (head[0]) {
      case ':':
        return Number(rest);
      case '+':
        return rest;
      case '-':
        throw new RedisError(rest);
      case '*':
        return Array.from({ length: Number(rest) }, value);
      default: {
        if (rest === '-1') return null;
        const start = at;
        at += Number(rest) + 2;
        return bytes.toString('utf8', start, start + Number(rest));
      }
    }
  };
  return value();
}
