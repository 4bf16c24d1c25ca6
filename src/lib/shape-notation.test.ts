import { describe, expect, it } from 'vitest';
import { schemaOf } from './shape-notation.ts';

describe('a shape in the notation', () => {
  it.each([
    ['int', { type: 'integer', minimum: 0 }],
    ['"a"', { const: 'a' }],
    ['28800', { const: 28_800 }],
    ['true', { const: true }],
    ['"a"|"b"', { enum: ['a', 'b'] }],
    ['str|null', { anyOf: [{ type: 'string' }, { type: 'null' }] }],
    ['[ROUTE]', { type: 'array', items: { $ref: '#/components/schemas/ROUTE' } }],
    ['{[CLINIC]: int}', { type: 'object', additionalProperties: { type: 'integer', minimum: 0 } }],
    ['{a?: bool}', { type: 'object', properties: { a: { type: 'boolean' } } }],
    [
      '{a: {b: number}, c?: str}',
      {
        type: 'object',
        properties: {
          a: { type: 'object', properties: { b: { type: 'number' } }, required: ['b'] },
          c: { type: 'string' },
        },
        required: ['a'],
      },
    ],
  ])('is this schema: %s', (notation, schema) => {
    expect(schemaOf(notation, {})).toStrictEqual(schema);
  });

  it('takes over the fields of a named one', () => {
    expect(schemaOf('{...BASE, more: str}', { BASE: '{one: bool, two?: bool}' })).toStrictEqual({
      type: 'object',
      properties: { one: { type: 'boolean' }, two: { type: 'boolean' }, more: { type: 'string' } },
      required: ['one', 'more'],
    });
  });

  it.each(['', '{a: int', '{a int}', 'int int', '[int', '<a>', '{...NOBODY}', '{a: "open}'])(
    'that is none is refused: %j',
    (notation) => {
      expect(() => schemaOf(notation, {})).toThrow();
    },
  );
});
