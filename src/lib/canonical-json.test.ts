/** The canonical text: equal for bodies that mean the same, different for all others. */
import { describe, expect, it } from 'vitest';
import { canonicalJson } from './canonical-json.ts';

const canonical = (json: string) => canonicalJson(JSON.parse(json));

describe('the canonical text', () => {
  it.each([
    ['{"a":1,"b":[true,null,"x"]}', ' { "b" : [ true, null, "x" ],\n "a" : 1 } '],
    ['{"a":{"b":1,"c":2}}', '{"a":{"c":2,"b":1}}'],
    ['{"a":100}', '{"a":1e2}'],
    ['{"a":1}', '{"a":1.0}'],
    ['{"a":"é"}', '{"a":"\\u00e9"}'],
    ['{}', '{ }'],
  ])('is the same for %s and %s', (one, other) => {
    expect(canonical(one)).toBe(canonical(other));
  });

  it.each([
    ['{"a":1}', '{"a":"1"}'],
    ['{"a":[1,2]}', '{"a":[2,1]}'],
    ['{"a":[1,[2]]}', '{"a":[[1],2]}'],
    ['{"a":[]}', '{"a":[[]]}'],
    ['{"a":[]}', '{"a":{}}'],
    ['{"a":null}', '{}'],
    ['{"a":1,"b":2}', '{"a":2,"b":1}'],
    ['{"a":"1,b:2"}', '{"a":"1","b":"2"}'],
    ['{"a,":1}', '{"a":1}'],
    ['{"a":{"b":1}}', '{"a":{},"b":1}'],
  ])('differs for %s and %s', (one, other) => {
    expect(canonical(one)).not.toBe(canonical(other));
  });

  it('is made of the most deeply nested body that is accepted', () => {
    const depth = 32_000;
    const deep = `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    expect(canonical(deep)).toHaveLength(deep.length + depth);
  });
});
