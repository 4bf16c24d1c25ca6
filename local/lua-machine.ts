/**
 * The Lua of the embedded Redis. `ioredis-mock` makes a machine for each script it runs and throws it away, which costs
 * 3 ms; here one machine lives as long as its Redis, and a script is compiled once.
 */
import { type LuaState, lauxlib, lua, to_luastring as luaText } from 'fengari';
import type { Redis } from 'ioredis';
import { RedisError } from './redis-driver.ts';

/** A compiled script. */
export type Script = number;

export interface LuaMachine {
  /** Throws `RedisError` for a script that is not Lua. */
  compile(script: string): Script;
  /** Runs it at once, before this returns, and gives back what it returned as RESP text. */
  run(script: Script, keys: readonly string[], args: readonly string[]): string;
}

/**
 * The machine of one embedded Redis. `boot` is Lua that defines `redis` over the mock's own `call` and returns two
 * functions: `compile(text)`, a function or an error's text, and `run(script, keys, args)`, a text.
 */
export function openLuaMachine(redis: Redis, boot: string): LuaMachine {
  const L = keepMachineOf(redis);
  if (lauxlib.luaL_dostring(L, luaText(boot)) !== 0) throw new Error(lua.lua_tojsstring(L, -1));
  const run = lauxlib.luaL_ref(L, lua.LUA_REGISTRYINDEX);
  const compile = lauxlib.luaL_ref(L, lua.LUA_REGISTRYINDEX);

  function pushList(texts: readonly string[]): void {
    lua.lua_createtable(L, texts.length, 0);
    for (const [index, text] of texts.entries()) {
      lua.lua_pushstring(L, luaText(text));
      lua.lua_rawseti(L, -2, index + 1);
    }
  }

  function popText(): string {
    const text = lua.lua_tojsstring(L, -1);
    lua.lua_pop(L, 1);
    return text;
  }

  return {
    compile(script) {
      lua.lua_rawgeti(L, lua.LUA_REGISTRYINDEX, compile);
      lua.lua_pushstring(L, luaText(script));
      lua.lua_call(L, 1, 1);
      if (!lua.lua_isfunction(L, -1)) throw new RedisError(popText());
      return lauxlib.luaL_ref(L, lua.LUA_REGISTRYINDEX);
    },
    run(script, keys, args) {
      lua.lua_rawgeti(L, lua.LUA_REGISTRYINDEX, run);
      lua.lua_rawgeti(L, lua.LUA_REGISTRYINDEX, script);
      pushList(keys);
      pushList(args);
      lua.lua_call(L, 3, 1);
      return popText();
    },
  };
}

/** Only a machine that the mock made has a `call` that reaches the mock's data, so one of its own is kept alive. */
function keepMachineOf(redis: Redis): LuaState {
  const { luaL_newstate } = lauxlib;
  const { lua_close } = lua;
  let made: LuaState | undefined;
  lauxlib.luaL_newstate = () => {
    made = luaL_newstate();
    return made;
  };
  lua.lua_close = () => {};
  try {
    // Its work is done before it gives back the promise.
    void redis.eval('return 1', 0);
  } finally {
    lauxlib.luaL_newstate = luaL_newstate;
    lua.lua_close = lua_close;
  }
  if (!made) throw new Error('ioredis-mock runs Lua in another way than it did');
  return made;
}
