/** Compares an answer with a schema of /openapi.json, exactly: a field that is not described is a mismatch too. */
import type { JsonSchema } from '../../src/lib/shape-notation.ts';

export type Schemas = Readonly<Record<string, JsonSchema>>;

const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** What differs, each with the place where; empty when the value has the shape. */
export function mismatches(schema: JsonSchema, value: unknown, schemas: Schemas, at = '$'): string[] {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.replace('#/components/schemas/', '');
    const named = schemas[name];
    return named ? mismatches(named, value, schemas, at) : [`${at}: no schema ${name}`];
  }
  if (schema.anyOf) {
    const tried = schema.anyOf.map((one) => mismatches(one, value, schemas, at));
    const best = tried.toSorted((one, other) => one.length - other.length)[0] ?? [];
    return tried.some((found) => found.length === 0) ? [] : best;
  }
  const wrong = (what: string) => [`${at}: ${JSON.stringify(value)?.slice(0, 80)} is not ${what}`];
  if (schema.const !== undefined) return value === schema.const ? [] : wrong(JSON.stringify(schema.const));
  if (schema.enum) return schema.enum.includes(value) ? [] : wrong(`one of ${schema.enum.join(', ')}`);
  switch (schema.type) {
    case undefined:
      return [];
    case 'null':
      return value === null ? [] : wrong('null');
    case 'array':
      if (!Array.isArray(value)) return wrong('a list');
      return value.flatMap((item, index) => mismatches(schema.items ?? {}, item, schemas, `${at}[${index}]`));
    case 'object':
      return isObject(value) ? fields(schema, value, schemas, at) : wrong('an object');
    case 'integer':
      return Number.isInteger(value) && Number(value) >= (schema.minimum ?? -Infinity) ? [] : wrong('an int');
    case 'string':
      return typeof value === 'string' && formatOf(schema).test(value) ? [] : wrong(schema.format ?? 'text');
    default:
      return typeof value === schema.type ? [] : wrong(schema.type);
  }
}

function fields(schema: JsonSchema, value: Record<string, unknown>, schemas: Schemas, at: string): string[] {
  const { properties, required = [], additionalProperties } = schema;
  if (!properties && !additionalProperties) return [];
  const missing = required.filter((name) => !Object.hasOwn(value, name));
  return [
    ...missing.map((name) => `${at}.${name} is missing`),
    ...Object.entries(value).flatMap(([name, field]) => {
      const own = properties?.[name] ?? additionalProperties;
      return own ? mismatches(own, field, schemas, `${at}.${name}`) : [`${at}.${name} is not described`];
    }),
  ];
}

function formatOf({ format, pattern }: JsonSchema): RegExp {
  if (format === 'date-time') return ISO;
  if (format === 'date') return DAY;
  return new RegExp(pattern ?? '');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
