// A route's validation: the fields it takes, under all their accepted names, and the error for what is wrong.
import { zValidator } from '@hono/zod-validator';
import * as z from 'zod/mini';
import { DomainError } from './errors.ts';
import type { Field } from './fields.ts';

interface Taken<Value, Wire, Required extends boolean> {
  readonly field: Field<Value, Wire>;
  readonly required: Required;
}

type Shape = Readonly<Record<string, Taken<unknown, never, boolean>>>;

type ValueOf<T> = T extends Taken<infer Value, infer _Wire, boolean> ? Value : never;
type WireOf<T> = T extends Taken<infer _Value, infer Wire, boolean> ? Wire : never;
type RequiredKeys<S> = { [K in keyof S]: S[K] extends { readonly required: true } ? K : never }[keyof S];

type Values<S> = { [K in keyof S]: K extends RequiredKeys<S> ? ValueOf<S[K]> : ValueOf<S[K]> | undefined };
type Wires<S> = { [K in RequiredKeys<S> & string]: WireOf<S[K]> } & {
  [K in Exclude<keyof S, RequiredKeys<S>> & string]?: WireOf<S[K]>;
};

/** A field that must be there; its key in the shape is the name that `missing_fields` reports. */
export function required<Value, Wire>(field: Field<Value, Wire>): Taken<Value, Wire, true> {
  return { field, required: true };
}

/** A field that may be absent. */
export function optional<Value, Wire>(field: Field<Value, Wire>): Taken<Value, Wire, false> {
  return { field, required: false };
}

/** Texts of an endpoint that differ from the usual ones. */
export interface ErrorTexts {
  readonly missing?: string;
  readonly invalid?: Readonly<Record<string, string>>;
}

/**
 * Validates a body (`json`) or a query and hands the handler the fields by the shape's names. Throws MISSING_FIELDS
 * with every missing name, PIN_REQUIRED when only the PIN is missing, else INVALID_FIELD for the first bad field.
 */
export function validate<Target extends 'json' | 'query', const S extends object>(
  target: Target,
  shape: S,
  texts: ErrorTexts = {},
) {
  const schema = z.pipe(
    z.unknown(),
    z.transform((sent) => readFields(shape as unknown as Shape, sent, texts)),
  ) as unknown as z.ZodMiniType<Values<S>, Wires<S>>;
  return zValidator(target, schema);
}

function readFields(shape: Shape, sent: unknown, texts: ErrorTexts): Record<string, unknown> {
  const source = typeof sent === 'object' && sent !== null ? (sent as Record<string, unknown>) : {};
  const raw = Object.entries(shape).map(([name, { field, required }]) => {
    return { name, field, required, value: pick(source, field) };
  });

  const missing = raw
    .filter(({ required, value }) => required && value === undefined)
    .map(({ name }) => name);
  if (missing.length > 0) throw missingFields(missing, texts);

  return Object.fromEntries(
    raw
      .filter(({ value }) => value !== undefined)
      .map(({ name, field, value }) => {
        const parsed = field.schema.safeParse(value);
        if (!parsed.success) throw invalidField(field.canonical, texts);
        return [name, parsed.data];
      }),
  );
}

/** The error for fields that are not there. */
export function missingFields(names: readonly string[], texts: ErrorTexts = {}): DomainError {
  if (names.length === 1 && names[0] === 'pin')
    return new DomainError('PIN_REQUIRED', { missingFields: names });
  return new DomainError('MISSING_FIELDS', {
    missingFields: names,
    error: texts.missing ?? `Missing required fields: ${names.join(', ')}`,
  });
}

/** The error for a field whose value breaks its rule. */
export function invalidField(canonical: string, texts: ErrorTexts = {}): DomainError {
  return new DomainError('INVALID_FIELD', {
    field: canonical,
    error: texts.invalid?.[canonical] ?? `Invalid value for ${canonical}`,
  });
}

/** The value under the leftmost accepted name that holds one. */
function pick(source: Record<string, unknown>, { names, kind }: Field<unknown, never>): unknown {
  for (const name of names) {
    if (!Object.hasOwn(source, name)) continue;
    const value = present(source[name], kind);
    if (value !== undefined) return value;
  }
  return undefined;
}

function present(value: unknown, kind: Field<unknown, never>['kind']): unknown {
  if (value === null || value === undefined) return undefined;
  if (kind === 'any') return Array.isArray(value) && value.length === 0 ? undefined : value;
  // A query that repeats a name arrives as a list.
  const single = Array.isArray(value) && value.length > 0 ? value[0] : value;
  const text = typeof single === 'number' ? String(single) : single;
  if (typeof text !== 'string') return text;
  const taken = kind === 'text' ? text.trim() : text;
  return taken === '' ? undefined : taken;
}
