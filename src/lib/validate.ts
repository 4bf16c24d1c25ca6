// A route's validation: the fields it takes, under all their accepted names, and the error for what is wrong.
import { zValidator } from '@hono/zod-validator';
import type { TypedResponse } from 'hono';
import * as z from 'zod/mini';
import { DomainError, type ErrorBody } from './errors.ts';
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

/** Fields that must be there unless one of the others named is. */
export type RequiredUnless = Readonly<Record<string, readonly string[]>>;

/**
 * Validates a body (`json`) or a query and hands the handler the fields by the shape's names. Throws MISSING_FIELDS
 * with every missing name, PIN_REQUIRED when only the PIN is missing, else INVALID_FIELD for the first bad field.
 */
export function validate<Target extends 'json' | 'query', const S extends object>(
  target: Target,
  shape: S,
  texts: ErrorTexts = {},
  requiredUnless: RequiredUnless = {},
) {
  const schema = z.pipe(
    z.unknown(),
    z.transform((sent) =>
      readFields(
        shape as unknown as Shape,
        target === 'query' ? firstOfEach(sent) : sent,
        texts,
        requiredUnless,
      ),
    ),
  ) as unknown as z.ZodMiniType<Values<S>, Wires<S>>;
  return zValidator(target, schema, refused);
}

/** What a typed client sees of a refusal: `readFields` throws it, so this hook itself never has anything to answer. */
function refused(): (Response & TypedResponse<ErrorBody, 400, 'json'>) | undefined {
  return undefined;
}

/** A query that repeats a name arrives as a list: its first value counts. */
function firstOfEach(query: unknown): unknown {
  const entries = Object.entries(query as Record<string, unknown>);
  return Object.fromEntries(entries.map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]));
}

function readFields(
  shape: Shape,
  sent: unknown,
  texts: ErrorTexts,
  requiredUnless: RequiredUnless,
): Record<string, unknown> {
  const source = typeof sent === 'object' && sent !== null ? (sent as Record<string, unknown>) : {};
  const raw = Object.entries(shape).map(([name, { field, required }]) => {
    return { name, field, required, value: sentValue(source, field) };
  });

  const isSent = new Set(raw.filter(({ value }) => value !== undefined).map(({ name }) => name));
  const missing = raw
    .filter(({ name, required }) => {
      const others = requiredUnless[name];
      return !isSent.has(name) && (others ? !others.some((other) => isSent.has(other)) : required);
    })
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

/** The value under the leftmost accepted name of a field that holds one, not validated yet. */
export function sentValue(
  source: Readonly<Record<string, unknown>>,
  { names, kind }: Pick<Field<unknown, never>, 'names' | 'kind'>,
): unknown {
  for (const name of names) {
    if (!Object.hasOwn(source, name)) continue;
    const value = present(source[name], kind);
    if (value !== undefined) return value;
  }
  return undefined;
}

function present(value: unknown, kind: Field<unknown, never>['kind']): unknown {
  if (kind === 'value') return typeof value === 'string' && value.trim() === '' ? undefined : value;
  if (value === null || value === undefined) return undefined;
  if (kind === 'any') return Array.isArray(value) && value.length === 0 ? undefined : value;
  // Beyond 2^53 a JSON number has lost digits already: two ids would become one, so it is taken for no text.
  const text =
    typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER ? String(value) : value;
  if (typeof text !== 'string') return text;
  const taken = kind === 'text' ? text.trim() : text;
  return taken === '' ? undefined : taken;
}
