/** /openapi.json and /docs: they say what the application does, no more and no less. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAMILIES } from '../../src/lib/api-description.ts';
import { methodsByPath } from '../../src/lib/known-paths.ts';
import { openApiDocument } from '../../src/lib/openapi.ts';
import type { JsonSchema } from '../../src/lib/shape-notation.ts';
import { createNodeTarget } from '../../src/targets/node.ts';
import { expectCommonHeaders } from './http.ts';
import { openTarget, type Target, TURN_TIMEOUT } from './target.ts';

interface IndexRow {
  readonly method: string;
  readonly path: string;
  readonly auth: string;
}

const INDEX: readonly IndexRow[] = JSON.parse(
  readFileSync(new URL('./endpoints.json', import.meta.url), 'utf8'),
).filter(({ path }: IndexRow) => !path.endsWith('*'));

const DESCRIBED = FAMILIES.flatMap(({ endpoints }) => endpoints);

const name = ({ method, path }: { method: string; path: string }) => `${method} ${path}`;

describe('the table of endpoints', () => {
  it('has every row of the contract’s index with its auth, and no other', () => {
    const rows = (list: readonly IndexRow[]) => list.map((row) => `${name(row)} ${row.auth}`).toSorted();
    expect(rows(DESCRIBED)).toStrictEqual(rows(INDEX));
  });

  it('has every route of the application, and no other', () => {
    const { app, close } = createNodeTarget({});
    close();
    const routes = [...methodsByPath(app)].flatMap(([path, methods]) =>
      [...methods].filter((method) => method !== 'HEAD').map((method) => name({ method, path })),
    );
    expect(routes.toSorted()).toStrictEqual(DESCRIBED.map(name).toSorted());
  });
});

interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly security: readonly Readonly<Record<string, unknown>>[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly schema: JsonSchema;
  }[];
  readonly requestBody?: unknown;
  readonly responses: Readonly<Record<string, { readonly description?: string; readonly $ref?: string }>>;
}

const SCHEMA_WORDS = new Set([
  '$ref',
  'type',
  'const',
  'enum',
  'anyOf',
  'properties',
  'required',
  'additionalProperties',
  'items',
  'minimum',
  'pattern',
  'format',
  'description',
]);

// No validator of OpenAPI documents is among the dependencies: these are its rules as far as the document uses them.
describe('the OpenAPI document', () => {
  const document = JSON.parse(JSON.stringify(openApiDocument()));
  const operations: [string, string, Operation][] = Object.entries<Record<string, Operation>>(
    document.paths,
  ).flatMap(([path, item]) =>
    Object.entries(item).map(
      ([method, operation]) => [method, path, operation] as [string, string, Operation],
    ),
  );

  it('has the fields that OpenAPI 3.1 requires, and no unknown one', () => {
    expect(document.openapi).toMatch(/^3\.1\.\d+$/);
    expect(Object.keys(document).toSorted()).toStrictEqual(
      ['openapi', 'info', 'servers', 'tags', 'paths', 'components'].toSorted(),
    );
    expect(document.info).toMatchObject({ title: expect.any(String), version: expect.any(String) });
    for (const key of Object.keys(document.components.schemas)) expect(key).toMatch(/^[A-Za-z0-9._-]+$/);
    for (const path of Object.keys(document.paths)) expect(path).toMatch(/^\/[^{}]+$/);
  });

  it.each(operations)('describes %s %s completely', (method, _path, operation) => {
    expect(['get', 'post', 'put']).toContain(method);
    expect(operation.summary).not.toBe('');
    const tags = document.tags.map((tag: { name: string }) => tag.name);
    expect(tags).toEqual(expect.arrayContaining([...operation.tags]));
    const schemes = Object.keys(document.components.securitySchemes);
    for (const one of operation.security) expect(schemes).toEqual(expect.arrayContaining(Object.keys(one)));
    const parameters = (operation.parameters ?? []).map((parameter) => `${parameter.in} ${parameter.name}`);
    expect(new Set(parameters).size).toBe(parameters.length);
    for (const parameter of operation.parameters ?? []) expect(parameter.schema).toBeTypeOf('object');
    if (method === 'get') expect(operation.requestBody).toBeUndefined();
    const { responses } = operation;
    expect(Object.keys(responses).some((status) => /^[24]\d\d$/.test(status))).toBe(true);
    for (const [status, response] of Object.entries(responses)) {
      expect(status).toMatch(/^([1-5]\d\d|default)$/);
      expect(response.$ref ?? response.description).toBeTruthy();
    }
  });

  it('gives every operation an id of its own', () => {
    const ids = operations.map(([, , { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toHaveLength(DESCRIBED.length);
  });

  it('refers to nothing that it does not hold', () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => String(ref));
    expect(refs.length).toBeGreaterThan(100);
    for (const ref of new Set(refs)) {
      const found = ref
        .replace('#/', '')
        .split('/')
        .reduce((part, key) => part?.[key], document);
      expect(found, ref).toBeTypeOf('object');
    }
  });

  it('uses every shape that it names', () => {
    const text = JSON.stringify(document);
    const spread = FAMILIES.flatMap(({ endpoints }) => endpoints.map(({ answer = '' }) => answer)).join(' ');
    for (const key of Object.keys(document.components.schemas)) {
      const isUsed = text.includes(`"#/components/schemas/${key}"`) || spread.includes(`...${key}`);
      expect(isUsed || key === 'ERROR', key).toBe(true);
    }
  });

  it('has schemas of known words only, whose required fields exist', () => {
    const check = (schema: JsonSchema): void => {
      for (const word of Object.keys(schema)) expect(SCHEMA_WORDS).toContain(word);
      const { properties = {}, required = [], items, anyOf = [], additionalProperties } = schema;
      for (const field of required) expect(Object.keys(properties)).toContain(field);
      for (const inner of [...Object.values(properties), ...anyOf]) check(inner);
      if (items) check(items);
      if (additionalProperties) check(additionalProperties);
    };
    for (const schema of Object.values<JsonSchema>(document.components.schemas)) check(schema);
    const inline = JSON.stringify(document.paths, (key, value) => {
      if (key === 'schema') check(value);
      return value;
    });
    expect(inline).not.toBe('');
  });
});

describe('the description is served', () => {
  let target: Target;
  beforeAll(async () => {
    target = await openTarget();
  }, TURN_TIMEOUT);
  afterAll(() => target?.close());

  it('as /openapi.json', async () => {
    const answer = await fetch(`${target.url}/openapi.json`);
    expect(answer.status).toBe(200);
    expectCommonHeaders(answer.headers);
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(await answer.json()).toStrictEqual(JSON.parse(JSON.stringify(openApiDocument())));
  });

  it('as a page that runs nothing, loads nothing, and names every endpoint', async () => {
    const answer = await fetch(`${target.url}/docs`);
    expect(answer.status).toBe(200);
    expectCommonHeaders(answer.headers);
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = answer.headers.get('content-security-policy');
    expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; /);
    const html = await answer.text();
    expect(html).not.toMatch(/<script|<iframe|\ssrc=|https?:|url\(|@import|\sstyle=|\son\w+=/i);
    for (const { path } of DESCRIBED) expect(html).toContain(`<code>${path}</code>`);
    for (const [, target] of html.matchAll(/href="#([^"]+)"/g)) expect(html).toContain(`id="${target}"`);
    expect(html).toContain('<bdi>رقم PIN غير صحيح.');
    const opened = html.match(/<(details|table|pre|summary)\b/g)?.length;
    expect(html.match(/<\/(details|table|pre|summary)>/g)?.length).toBe(opened);
  });

  it('with a policy that allows exactly the page’s own style', async () => {
    const answer = await fetch(`${target.url}/docs`);
    const html = await answer.text();
    const style = /<style>([\s\S]*)<\/style>/.exec(html)?.[1] ?? '';
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(style));
    const hash = Buffer.from(digest).toString('base64');
    expect(answer.headers.get('content-security-policy')).toContain(`'sha256-${hash}'`);
  });
});
