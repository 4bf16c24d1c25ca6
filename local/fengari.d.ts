/** The part of Lua's C interface that `lua-machine.ts` uses; fengari brings no types. */
declare module 'fengari' {
  /** A Lua machine. */
  export interface LuaState {
    readonly luaState: unique symbol;
  }
  export type LuaString = Uint8Array;
  export function to_luastring(text: string): LuaString;
  export const lauxlib: {
    luaL_newstate(): LuaState;
    /** 0 when it ran; else the error stands on the stack. */
    luaL_dostring(L: LuaState, code: LuaString): number;
    /** Takes the value on the stack into the registry. */
    luaL_ref(L: LuaState, table: number): number;
  };
  export const lua: {
    readonly LUA_REGISTRYINDEX: number;
    lua_close(L: LuaState): void;
    lua_call(L: LuaState, args: number, results: number): void;
    lua_createtable(L: LuaState, length: number, fields: number): void;
    lua_isfunction(L: LuaState, at: number): boolean;
    lua_pop(L: LuaState, count: number): void;
    lua_pushstring(L: LuaState, text: LuaString): void;
    lua_rawgeti(L: LuaState, at: number, index: number): number;
    lua_rawseti(L: LuaState, at: number, index: number): void;
    lua_tojsstring(L: LuaState, at: number): string;
  };
}
