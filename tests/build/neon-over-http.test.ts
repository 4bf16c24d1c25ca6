import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as published from '@neondatabase/serverless';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withoutSockets } from '../../deployment/build/neon-over-http.ts';

type Driver = Pick<typeof published, 'neon' | 'neonConfig' | 'types' | 'NeonDbError'>;

let folder: string;
let text: string;
let cut: Driver;

beforeAll(async () => {
  const require = createRequire(import.meta.url);
  text = await readFile(join(dirname(require.resolve('@neondatabase/serverless')), 'index.mjs'), 'utf8');
  folder = await mkdtemp(join(tmpdir(), 'mmc-neon-'));
  const file = join(folder, 'driver.mjs');
  await writeFile(file, withoutSockets(text));
  cut = await import(pathToFileURL(file).href);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What the driver sent and gave back, over an endpoint that always answers this. */
async function through({ neon, neonConfig }: Driver, answer: Response) {
  const sent: unknown[] = [];
  const before = neonConfig.fetchFunction;
  neonConfig.fetchFunction = async (url: string, init: { headers: object; body: string }) => {
    sent.push({ url, headers: { ...init.headers }, body: JSON.parse(init.body) });
    return answer;
  };
  try {
    const sql = neon('postgresql://user:pass%20word@db.example.com/main?sslmode=require');
    const params = ['{"a":1}', 7, true, null, new Date(0), ['x', 'y'], { b: 2 }];
    const options = { fullResults: true } as const;
    const given = await sql
      .query('select $1', params, options)
      .then((result) => JSON.parse(JSON.stringify(result)))
      .catch((error: Error) => ({ ...error, message: error.message }));
    return { sent, given };
  } finally {
    neonConfig.fetchFunction = before;
  }
}

/** Raw texts by the type that Postgres names: bool, int8, int4, text, json, jsonb, numeric, times, arrays. */
const VALUES: readonly (readonly [oid: number, raw: string | null])[] = [
  [16, 't'],
  [20, '9007199254740993'],
  [23, '42'],
  [25, 'نص'],
  [114, '{"a":[1,null]}'],
  [3802, '{"number":7,"text":"\\u0000x"}'],
  [1700, '1.50'],
  [701, '1e300'],
  [1082, '2025-10-29'],
  [1114, '2025-10-29 12:00:00.5'],
  [1184, '2025-10-29 12:00:00.5+03'],
  [1186, '1 day 02:03:04'],
  [1009, '{a,"b,c",NULL}'],
  [1007, '{1,2}'],
  [600, '(1,2)'],
  [25, null],
];

describe('the driver in the bundle', () => {
  it('sends the same and reads the same of every type as the published one', async () => {
    const answer = () =>
      Response.json({
        command: 'SELECT',
        rowCount: 1,
        fields: VALUES.map(([dataTypeID], index) => ({ name: `c${index}`, dataTypeID })),
        rows: [VALUES.map(([, raw]) => raw)],
      });
    const theirs = await through(published, answer());
    expect(theirs.given.rows).toHaveLength(1);
    expect(await through(cut, answer())).toEqual(theirs);
  });

  it.each([
    ['a refusal of Postgres', () => Response.json({ message: 'deadlock', code: '40P01' }, { status: 400 })],
    ['a failure of the proxy', () => new Response('too large', { status: 507 })],
  ])('gives %s on as the published one does', async (_what, answer) => {
    const theirs = await through(published, answer());
    expect(theirs.given.message).toBeDefined();
    expect(await through(cut, answer())).toEqual(theirs);
  });

  it('loses what a socket needs, most of its size', () => {
    expect(withoutSockets(text)).not.toContain('class On extends');
    expect(cut).not.toHaveProperty('Pool');
  });

  it('is not made from a driver that the cuts were not made for', () => {
    expect(() => withoutSockets(text.replace('oi().Buffer', 'new_name().Buffer'))).toThrow(/found 0 times/);
    expect(() => withoutSockets('export const neon = 1;')).toThrow(/Neon driver/);
  });
});
