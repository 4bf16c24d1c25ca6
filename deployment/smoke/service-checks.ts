// Is it there, is it the version that was deployed, and does it answer in the form that everything else relies on?
import { TARGET_HEADER } from '../../src/lib/answer-headers.ts';
import { type Check, type CheckContext, ensure, Skip } from './check.ts';
import { type Answer, shown } from './target-client.ts';

const WAIT_STEP_MS = 1_000;
const TARGETS = ['cloudflare', 'supabase', 'vercel', 'node'];

const health: Check = {
  name: 'health',
  async run(context) {
    const { status, target, commit, schema_version: schema, service } = (await deployedHealth(context)).body;
    ensure(service === 'mmc-mms', 'this is not the service mmc-mms');
    const { learnt } = context;
    learnt.target = shown(target);
    learnt.commit = shown(commit);
    learnt.schema = shown(schema);
    ensure(status === 'healthy' || status === 'degraded', `status is ${shown(status)}`);
    // Everything is slower and right: with Redis away, no target could be switched to, deployed or rolled back.
    return status === 'degraded' ? 'degraded: Redis does not answer' : undefined;
  },
};

/** Waits while another commit (or nobody) answers, as long as the caller allowed; the last try decides. */
async function deployedHealth({
  client,
  options: { expect = {}, waitMs = 0 },
}: CheckContext): Promise<Answer> {
  const giveUp = performance.now() + waitMs;
  for (;;) {
    const isLast = performance.now() >= giveUp;
    try {
      const answer = await client.json('/health', 200);
      if (isLast || (expect.commit ?? answer.body.commit) === answer.body.commit) return answer;
    } catch (error) {
      if (isLast) throw error;
    }
    await new Promise((wake) => setTimeout(wake, WAIT_STEP_MS));
  }
}

const version: Check = {
  name: 'the version that was deployed',
  async run({ learnt, options: { expect = {} } }) {
    const { target, commit, schema } = learnt;
    ensure(TARGETS.includes(target ?? ''), `the target calls itself ${target}`);
    ensure(commit !== undefined && commit !== '' && commit !== 'undefined', 'health names no commit');
    ensure(/^\d{4}_\w+$/.test(schema ?? ''), `the schema version is ${schema}`);
    ensure((expect.target ?? target) === target, `this is ${target}, not ${expect.target}`);
    ensure((expect.commit ?? commit) === commit, `the commit is ${commit}, not ${expect.commit}`);
    ensure((expect.schema ?? schema) === schema, `the build expects schema ${schema}, not ${expect.schema}`);
    return `${target} ${commit.slice(0, 12)}, schema ${schema}`;
  },
};

const ready: Check = {
  name: 'the database has the schema of this build',
  async run({ client }) {
    const { body } = await client.json('/health/ready', 200);
    const { schema_version: ours, schema_version_db: theirs } = body;
    ensure(
      typeof theirs === 'string' && theirs >= String(ours),
      `the database is at ${shown(theirs)}, the build expects ${shown(ours)}`,
    );
    return theirs === ours ? undefined : `database at ${shown(theirs)}`;
  },
};

const headers: Check = {
  name: 'headers of every answer',
  async run({ client, id, learnt }) {
    const answer = await client.json('/health/live', 200, { headers: { 'X-Request-Id': id } });
    const wanted: Readonly<Record<string, (value: string) => boolean>> = {
      'x-request-id': (value) => value === id,
      [TARGET_HEADER]: (value) => value === learnt.target,
      'cache-control': (value) => value === 'private, no-store',
      'server-timing': (value) => /\bdb;dur=\d/.test(value),
      'access-control-allow-origin': (value) => value === '*',
      'access-control-expose-headers': (value) => value.includes('ETag') && value.includes('X-Served-By'),
    };
    for (const [name, isRight] of Object.entries(wanted)) {
      const value = answer.headers.get(name);
      ensure(value !== null && isRight(value), `${name} is ${value === null ? 'missing' : shown(value)}`);
    }
    ensure(
      !answer.headers.has('access-control-allow-credentials'),
      'other sites may read answers with cookies: access-control-allow-credentials is set',
    );
    return undefined;
  },
};

const preflight: Check = {
  name: 'CORS preflight',
  writes: true,
  async run({ client }) {
    const answer = await client.request('/api/v1/queue/enter', {
      method: 'OPTIONS',
      headers: { Origin: 'https://smoke.invalid', 'Access-Control-Request-Method': 'POST' },
    });
    ensure(answer.status === 204, `answered ${answer.status}, not 204`);
    const allowed = answer.headers.get('access-control-allow-headers') ?? '';
    ensure(/Authorization/i.test(allowed), 'the header Authorization is not allowed');
    return undefined;
  },
};

const unknownPath: Check = {
  name: 'unknown path: 404 as JSON',
  async run({ client }) {
    await client.json('/api/v1/smoke-unknown', 404, { code: 'NOT_FOUND' });
    return undefined;
  },
};

const wrongMethod: Check = {
  name: 'wrong method: 405',
  async run({ client }) {
    const { headers } = await client.json('/api/v1/queue/enter', 405, { code: 'METHOD_NOT_ALLOWED' });
    ensure((headers.get('allow') ?? '').includes('POST'), 'the header Allow does not name POST');
    return undefined;
  },
};

const metrics: Check = {
  name: 'metrics, with the token',
  async run({ client, options: { metricsToken } }) {
    if (metricsToken === undefined) throw new Skip('no METRICS_TOKEN');
    const { status, text } = await client.request('/metrics', { token: metricsToken });
    ensure(status === 200, `answered ${status}, not 200`);
    // Its own series may still be missing: an isolate that was just started has counted nothing.
    ensure(/^# TYPE http_requests_total counter$/m.test(text), 'http_requests_total is not among them');
    return undefined;
  },
};

const metricsClosed: Check = {
  name: 'metrics refuse a stranger',
  async run({ client, options }) {
    // Without METRICS_TOKEN the machine itself may read them.
    if (['127.0.0.1', 'localhost', '[::1]'].includes(new URL(options.url).hostname))
      throw new Skip('loopback');
    await client.json('/metrics', 401, { code: 'UNAUTHORIZED' });
    return undefined;
  },
};

const stream: Check = {
  name: 'event stream: first frames',
  async run({ client }) {
    const { headers } = await client.stream(
      '/api/v1/events/stream',
      (text) => /^retry: ?\d+/m.test(text) && /^event: ?connected\ndata: .+\n\n/m.test(text),
    );
    const type = headers.get('content-type') ?? '';
    ensure(type.startsWith('text/event-stream'), `the content type is ${shown(type)}`);
    ensure(
      !headers.has('content-encoding'),
      'something on the way compresses the stream, which holds it back',
    );
    return undefined;
  },
};

export const SERVICE_CHECKS: readonly Check[] = [
  health,
  version,
  ready,
  headers,
  preflight,
  unknownPath,
  wrongMethod,
  metrics,
  metricsClosed,
  stream,
];
