/**
 * Values as Neon sends them when a client does not ask for raw text: JSON where JSON can say it, text elsewhere.
 * The official client always asks for raw text; this is for curl and for other clients.
 */
import type { SqlField } from './sql-driver.ts';

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

const BOOLEAN = 16;
const INTEGERS = new Set([21, 23]);
const FLOATS = new Set([700, 701]);
const JSON_TYPES = new Set([114, 3802]);
const ARRAY_ELEMENT = new Map([
  [1000, BOOLEAN],
  [1005, 21],
  [1007, 23],
  [1021, 700],
  [1022, 701],
  [199, 114],
  [3807, 3802],
  [1009, 25],
  [1015, 1043],
  [1016, 20],
  [1231, 1700],
  [2951, 2950],
]);

/** The JSON form of one value in Postgres' text form. int8 and numeric stay text: JSON numbers would lose digits. */
export function toJsonValue(text: string | null, field: SqlField): Json {
  if (text === null) return null;
  const element = ARRAY_ELEMENT.get(field.dataTypeID);
  return element === undefined ? scalar(text, field.dataTypeID) : parseArray(text, element);
}

function scalar(text: string, type: number): Json {
  if (type === BOOLEAN) return text === 't';
  if (INTEGERS.has(type)) return Number(text);
  if (FLOATS.has(type)) return Number.isFinite(Number(text)) ? Number(text) : text;
  if (JSON_TYPES.has(type)) return JSON.parse(text) as Json;
  return text;
}

/** Reads Postgres' array text, for example `{1,NULL,"a \"b\""}`, with nesting and an optional `[l:u]=` before it. */
function parseArray(text: string, element: number): Json {
  let at = text.indexOf('{');

  const quoted = (): string => {
    let value = '';
    for (at += 1; text[at] !== '"'; at += 1) {
      if (text[at] === '\\') at += 1;
      value += text[at];
    }
    at += 1;
    return value;
  };
  const bare = (): string => {
    const start = at;
    while (text[at] !== ',' && text[at] !== '}') at += 1;
    return text.slice(start, at);
  };
  const item = (): Json => {
    if (text[at] === '{') return list();
    if (text[at] === '"') return scalar(quoted(), element);
    const word = bare();
    return word === 'NULL' ? null : scalar(word, element);
  };
  const list = (): Json[] => {
    const items: Json[] = [];
    at += 1;
    while (text[at] !== '}') {
      items.push(item());
      if (text[at] === ',') at += 1;
    }
    at += 1;
    return items;
  };
  return list();
}
