import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type Answering,
  type Built,
  buildInto,
  cloudflareEntry,
  type Environment,
  SETTINGS,
  supabaseFunction,
  vercelInEdgeRuntime,
} from './built.ts';

const COMMIT = 'abcdefabcdefabcdefabcdefabcdefabcdefabcd';
const EXECUTION = { waitUntil() {} };

let built: Built;
let edge: Answering;

beforeAll(async () => {
  // In a bad environment nothing says how much to log.
  vi.spyOn(console, 'info').mockImplementation(() => {});
  built = await buildInto(COMMIT);
  edge = await vercelInEdgeRuntime(built);
});
afterAll(async () => {
  vi.restoreAllMocks();
  await built?.remove();
});

/** Each entry as its platform calls it. */
const TARGETS: readonly (readonly [string, Answering])[] = [
  [
    'cloudflare',
    async (request, environment) => (await cloudflareEntry(built)).fetch(request, environment, EXECUTION),
  ],
  [
    'supabase',
    async (request, environment) => {
      const [, name = ''] = new URL(request.url).pathname.split('/');
      return (await supabaseFunction(built, name, environment))(request);
    },
  ],
  ['vercel', (request, environment) => edge(request, environment)],
];

const get = (path: string) => new Request(`https://api.example${path}`);
const scrape = (headers: Record<string, string>) => new Request('https://api.example/metrics', { headers });

function without(name: string): Environment {
  const { [name]: _left, ...others } = SETTINGS;
  return others;
}

describe.each(TARGETS)('the entry of %s', (target, answer) => {
  it('answers, and says who it is and of which commit', async () => {
    const response = await answer(get('/health/live'), SETTINGS);
    expect(response.status).toBe(200);
    expect(response.headers.get('x-served-by')).toBe(target);
    expect(await response.json()).toMatchObject({ status: 'alive', target, commit: COMMIT });
  });

  it.each(['DATABASE_URL', 'JWT_SECRET'])('names %s when it is missing, and shows no value', async (name) => {
    const response = await answer(get('/health'), without(name));
    const text = await response.text();
    expect(response.status).toBe(500);
    expect(JSON.parse(text)).toMatchObject({
      code: 'BAD_ENVIRONMENT',
      message: expect.stringContaining(name),
    });
    for (const value of Object.values(SETTINGS)) if (value.length > 10) expect(text).not.toContain(value);
  });
});

describe('the Worker', () => {
  it('keeps one application for one environment, whatever the number of requests', async () => {
    const worker = await cloudflareEntry(built);
    const environment = { ...SETTINGS, METRICS_TOKEN: 'a-token' };
    const metrics = () => worker.fetch(scrape({ Authorization: 'Bearer a-token' }), environment, EXECUTION);
    for (let n = 0; n < 3; n += 1) await worker.fetch(get('/health/live'), environment, EXECUTION);
    expect(await (await metrics()).text()).toMatch(
      /http_requests_total\{[^}]*route="\/health\/live"[^}]*\} 3\n/,
    );
  });

  it('fails a cron run that could not begin, so that the platform shows it', async () => {
    const worker = await cloudflareEntry(built);
    await expect(worker.scheduled({}, without('JWT_SECRET'), EXECUTION)).rejects.toMatchObject({
      code: 'BAD_ENVIRONMENT',
    });
  });
});

describe('the address of a client', () => {
  it('comes on Supabase from CLIENT_IP_HEADER when that is set, and a malformed one is named', async () => {
    const environment = { ...SETTINGS, CLIENT_IP_HEADER: 'x forwarded' };
    const response = await (await supabaseFunction(built, 'health', environment))(get('/health'));
    expect(await response.json()).toMatchObject({
      code: 'BAD_ENVIRONMENT',
      message: expect.stringContaining('CLIENT_IP_HEADER'),
    });
  });

  it.each([
    ['cloudflare', 'cf-connecting-ip', {}],
    ['vercel', 'x-real-ip', {}],
    ['supabase', 'cf-connecting-ip', {}],
    ['supabase', 'x-edge-ip', { CLIENT_IP_HEADER: 'x-edge-ip' }],
  ])('is on %s the value of %s, and of no other header', async (target, trusted, settings) => {
    const answer = TARGETS.find(([name]) => name === target)?.[1];
    if (!answer) throw new Error(`There is no entry of ${target}`);
    // Without METRICS_TOKEN only this machine may read the metrics: what the target takes for the address shows.
    const from = async (headers: Record<string, string>) =>
      (await answer(scrape(headers), { ...SETTINGS, ...settings })).status;
    const forged = Object.fromEntries(
      ['x-forwarded-for', 'x-real-ip', 'cf-connecting-ip', 'true-client-ip', 'x-edge-ip', 'forwarded']
        .filter((name) => name !== trusted)
        .map((name) => [name, '127.0.0.1']),
    );
    expect(await from({ ...forged, [trusted]: '203.0.113.7' })).toBe(401);
    expect(await from(forged)).toBe(401);
    expect(await from({ [trusted]: '127.0.0.1' })).toBe(200);
  });
});
