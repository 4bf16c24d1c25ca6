/** The front before real targets: the right one answers, a switch holds at once, and a dead one costs what it must. */
import { randomUUID } from 'node:crypto';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EventSourceClient } from '../support/event-source.ts';
import { until } from '../support/until.ts';
import {
  openStage,
  PAGE_ORIGIN,
  PROXY_SECRET,
  type ScriptedTarget,
  type Stage,
  startScriptedTarget,
} from './front-stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
}, 120_000);
afterAll(async () => {
  await stage?.close();
});

const JSON_TYPE = { 'Content-Type': 'application/json' };

function post(url: string, body: object, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { ...JSON_TYPE, ...headers },
    body: JSON.stringify(body),
    redirect: 'manual',
  });
}

const served = (answer: Response) => answer.headers.get('X-Served-By');

describe.each(['node', 'workerd'] as const)('the front in %s', (runtime) => {
  let front: string;
  beforeAll(async () => {
    front = await stage.openFront(runtime, stage.targets);
  });

  /** Switches, and waits until the front follows; gives the milliseconds that took. */
  async function switchTo(target: 'node' | 'cloudflare' | 'supabase'): Promise<number> {
    await stage.activate(target);
    const began = performance.now();
    await until(
      `${target} answers`,
      async () => served(await fetch(`${front}/health/live`)),
      (name) => name === target,
    );
    return performance.now() - began;
  }

  it('hands every public path to the active target, whose answer comes as it is', async () => {
    for (const target of ['node', 'cloudflare', 'supabase'] as const) {
      await switchTo(target);
      for (const path of [
        '/health',
        '/health/ready',
        '/api/v1/status',
        '/api/v1/stats/queues',
        '/config/clinic-pins',
        '/api/v1/none',
      ]) {
        const [through, direct] = await Promise.all([
          fetch(front + path),
          fetch(stage.targets[target] + path),
        ]);
        expect([path, through.status, served(through)]).toEqual([path, direct.status, target]);
        expect(through.headers.get('content-type')).toBe(direct.headers.get('content-type'));
        await Promise.all([through.body?.cancel(), direct.body?.cancel()]);
      }
      const login = await post(`${front}/admin/login`, stage.admin);
      expect([login.status, served(login)]).toEqual([200, target]);
      expect(login.headers.get('set-cookie')).toContain('admin_token=');
    }
  });

  it('answers what no target must: a refused login, the page, the address of a form', async () => {
    const answers = await Promise.all(
      ['/auth/denied', '/auth/none', '/', '/qr', '/admin', '/admin/queues', '/admin/login'].map((path) =>
        fetch(front + path),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([401, 404, 404, 404, 404, 404, 405]);
    for (const answer of answers) {
      expect(served(answer)).toBe('front');
      expect(answer.headers.get('access-control-allow-origin')).toBe('*');
      expect(await answer.json()).toMatchObject({ success: false });
    }
    const posted = await post(`${front}/auth/denied`, {});
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
    expect((await fetch(`${front}/api/v1/queue/enter`, { method: 'OPTIONS' })).status).toBe(204);
  });

  it('lets another target answer what Supabase does not publish', async () => {
    await switchTo('supabase');
    const docs = await fetch(`${front}/openapi.json`);
    expect([docs.status, served(docs)]).toEqual([200, 'node']);
    const alone = await stage.openFront(runtime, { supabase: stage.targets.supabase });
    const none = await fetch(`${alone}/openapi.json`);
    expect([none.status, served(none)]).toEqual([404, 'front']);
  });

  it('gives HEAD at once what a GET would hold, and opens no stream for it', async () => {
    await switchTo('supabase');
    const user = randomUUID();
    await post(`${front}/api/v1/queue/enter`, { clinic: 'eyes', user });
    const path = `${front}/api/v1/queue/position?clinic=eyes&user=${user}`;
    const first = await fetch(path);
    const began = performance.now();
    const head = await fetch(path, {
      method: 'HEAD',
      headers: { 'If-None-Match': first.headers.get('etag') ?? '' },
    });
    expect([head.status, served(head), await head.text()]).toEqual([200, 'supabase', '']);
    expect(performance.now() - began).toBeLessThan(2_500);
    const stream = await fetch(`${front}/api/v1/events/stream`, { method: 'HEAD' });
    expect([stream.status, served(stream), await stream.text()]).toEqual([200, 'node', '']);
  });

  it('follows a switch within a second, without an error in between', async () => {
    const answers: { began: number; status: number; target: string | null }[] = [];
    const moves: { at: number; target: string }[] = [];
    let done = false;
    const asking = (async () => {
      while (!done) {
        const began = performance.now();
        const answer = await fetch(`${front}/api/v1/stats/queues`);
        answers.push({ began, status: answer.status, target: served(answer) });
      }
    })();
    const times: number[] = [];
    for (const target of ['node', 'cloudflare', 'supabase', 'node'] as const) {
      times.push(await switchTo(target));
      moves.push({ target, at: performance.now() - (times.at(-1) ?? 0) });
    }
    done = true;
    await asking;
    // Milliseconds after the switch at which a request began that still got the target before.
    const late = answers.map(({ began, target }) => {
      const last = moves.findLast(({ at }) => at <= began);
      const isMeant = moves.some((move) => move.target === target && (move === last || move.at > began));
      return last && !isMeant ? began - last.at : 0;
    });
    console.log(
      `front in ${runtime}: ${times.length} switches seen after ${times.map(Math.round).join(', ')} ms, the last request ` +
        `that missed one ${Math.round(Math.max(...late))} ms after it, of ${answers.length}`,
    );
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(Math.max(...late)).toBeLessThan(1_000);
  });

  it('keeps the request id, and takes no id that could do harm', async () => {
    const answer = await fetch(`${front}/health/live`, { headers: { 'X-Request-Id': 'front-test.1' } });
    expect(answer.headers.get('x-request-id')).toBe('front-test.1');
    const refused = await fetch(`${front}/health/live`, { headers: { 'X-Request-Id': 'a b' } });
    expect(refused.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('streams events as they happen, and a stream resumes on the next target without a gap', async () => {
    await switchTo('node');
    const user = randomUUID();
    const stream = await EventSourceClient.open(`${front}/api/v1/events/stream?clinic=ent`);
    expect(served(stream.response)).toBe('node');
    await stream.atLeast(1, 'connected');
    expect((await post(`${front}/api/v1/queue/enter`, { clinic: 'ent', user })).status).toBe(200);
    const before = (await stream.atLeast(1)).length;
    await switchTo('cloudflare');
    const { lastId } = stream;
    stream.close();
    const missed = await post(`${front}/api/v1/queue/enter`, { clinic: 'ent', user: randomUUID() });
    const { number } = (await missed.json()) as { number: number };
    const resumed = await EventSourceClient.open(`${front}/api/v1/events/stream?clinic=ent`, {
      'Last-Event-ID': lastId ?? '',
    });
    expect(served(resumed.response)).toBe('cloudflare');
    const after = await resumed.atLeast(1);
    resumed.close();
    const ids = [...stream.named(), ...after].map(({ id }) => id).filter((id) => id !== undefined);
    expect(before).toBeGreaterThan(0);
    expect(after.map(({ event, data }) => [event, data.number])).toContainEqual(['ENTERED', number]);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('what a platform adds to an answer stays with it', async () => {
    const target = createServer((_request, response) => {
      response.writeHead(200, {
        'Content-Type': 'application/json',
        'X-MMC-Target': 'supabase',
        'X-Served-By': 'supabase-edge-runtime',
        'sb-request-id': '019fc0c0',
        'x-deno-execution-id': '5236cf00',
        'Strict-Transport-Security': 'max-age=31536000; includeSubDomains; preload',
        'CF-Ray': 'a24a5e7c',
        'Set-Cookie': [
          '__cf_bm=abc; path=/; domain=.supabase.co; HttpOnly; Secure',
          'admin_token=abc; Path=/; HttpOnly',
        ],
      });
      response.end('{"success":true}');
    });
    await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
    const alone = await stage.openFront(runtime, {
      supabase: `http://127.0.0.1:${(target.address() as AddressInfo).port}`,
    });
    const answer = await fetch(`${alone}/api/v1/stats/queues`);
    target.close();
    expect([answer.status, served(answer)]).toEqual([200, 'supabase']);
    expect(answer.headers.getSetCookie()).toEqual(['admin_token=abc; Path=/; HttpOnly']);
    for (const name of ['strict-transport-security', 'sb-request-id', 'x-deno-execution-id', 'cf-ray']) {
      expect(answer.headers.has(name), name).toBe(false);
    }
  });

  it('a stream that its client leaves ends at the target too, at the latest with its next frame', async () => {
    let open = 0;
    const target = createServer((_request, response) => {
      open += 1;
      response.on('close', () => {
        open -= 1;
        clearInterval(frames);
      });
      const frames = setInterval(() => response.write(': another\n\n'), 200);
      response
        .writeHead(200, { 'Content-Type': 'text/event-stream', 'X-MMC-Target': 'vercel' })
        .write(': one\n\n');
    });
    await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
    const alone = await stage.openFront(runtime, {
      vercel: `http://127.0.0.1:${(target.address() as AddressInfo).port}`,
    });
    const stream = await EventSourceClient.open(`${alone}/api/v1/events/stream`);
    expect([served(stream.response), open]).toEqual(['vercel', 1]);
    stream.close();
    await until(
      'the stream is closed',
      () => open,
      (count) => count === 0,
    );
    target.close();
  });

  it('holds a position as long as the target does', async () => {
    const user = randomUUID();
    await post(`${front}/api/v1/queue/enter`, { clinic: 'xray', user });
    const path = `${front}/api/v1/queue/position?clinic=xray&user=${user}`;
    const first = await fetch(path);
    const began = performance.now();
    const held = await fetch(path, { headers: { 'If-None-Match': first.headers.get('etag') ?? '' } });
    expect([200, 304]).toContain(held.status);
    expect(performance.now() - began).toBeGreaterThan(2_500);
  });
});

describe('who the client is', () => {
  const through = (headers: Record<string, string>) => fetch(`${stage.targets.node}/metrics`, { headers });

  it('a target believes the front, and nobody who does not know the secret', async () => {
    const client = { 'X-MMC-Client-IP': '198.51.100.7', 'X-MMC-Client-Origin': 'https://api.example' };
    // Without a token, metrics are for this machine only: the status says whose address was believed.
    expect((await through({ ...client, 'X-MMC-Proxy-Secret': PROXY_SECRET })).status).toBe(401);
    expect((await through({ ...client, 'X-MMC-Proxy-Secret': `${PROXY_SECRET.slice(1)}x` })).status).toBe(
      200,
    );
    expect((await through({ ...client, 'X-Forwarded-For': '198.51.100.7' })).status).toBe(200);
  });

  it('the front says who it is by its platform, whatever the client sends', async () => {
    await stage.activate('node');
    const front = await stage.openFront('node', stage.targets);
    const forged = {
      'X-MMC-Client-IP': '127.0.0.1',
      'X-Forwarded-For': '127.0.0.1',
      'X-Real-IP': '127.0.0.1',
    };
    const metrics = await fetch(`${front}/metrics`, {
      headers: { ...forged, 'X-MMC-Proxy-Secret': PROXY_SECRET, 'CF-Connecting-IP': '198.51.100.7' },
    });
    expect(metrics.status).toBe(401);
  });

  it("the cookie is Secure by the client's scheme, and the page is known by the client's host", async () => {
    const headers = {
      'X-MMC-Proxy-Secret': PROXY_SECRET,
      'X-MMC-Client-IP': '198.51.100.7',
      'X-MMC-Client-Origin': 'https://clinic.example',
      Origin: 'https://clinic.example',
    };
    const login = await post(`${stage.targets.node}/admin/login`, stage.admin, headers);
    expect(login.headers.get('set-cookie')).toContain('Secure');
    const wrong = { username: 'nobody', password: 'wrong' };
    const refused = await post(`${stage.targets.node}/admin/login`, wrong, headers);
    expect([refused.status, refused.headers.get('location')]).toEqual([303, '/auth/denied']);
    const { 'X-MMC-Proxy-Secret': _secret, ...forged } = headers;
    expect((await post(`${stage.targets.node}/admin/login`, wrong, forged)).status).toBe(401);
  });
});

const LOGIN = '/api/v1/patient/login';
const PATIENT = { patientId: '12345678', gender: 'male' };

describe.each(['node', 'workerd'] as const)('behind the front in %s', (runtime) => {
  const started: ScriptedTarget[] = [];
  afterAll(async () => {
    for (const target of started) await target.close();
  });

  async function scripted(script: Parameters<typeof startScriptedTarget>[0]): Promise<ScriptedTarget> {
    const target = await startScriptedTarget(script);
    started.push(target);
    return target;
  }

  /** A front whose active target does as it is told, before a real one. */
  async function before(script: Omit<Parameters<typeof startScriptedTarget>[0], 'name'>) {
    const active = await scripted({ name: 'cloudflare', ...script });
    await stage.activate('cloudflare');
    const front = await stage.openFront(runtime, { cloudflare: active.url, node: stage.targets.node });
    return { active, front, login: (headers = {}) => post(front + LOGIN, PATIENT, headers) };
  }

  describe.each(['page', 'silent'] as const)('an active target that dies, and has left: %s', (behaviour) => {
    /** One that was well until now: what is sent next is under way when it dies. */
    async function dying() {
      const { active, ...rest } = await before({});
      expect(served(await rest.login())).toBe('cloudflare');
      active.behaviour = behaviour;
      return { active, ...rest };
    }

    it('costs a request that is safe to repeat nothing: the next one answers, once', async () => {
      const { active, front } = await dying();
      const user = randomUUID();
      const entered = await post(`${front}/api/v1/queue/enter`, { clinic: 'lab', user });
      expect([entered.status, served(entered)]).toEqual([200, 'node']);
      const { number } = (await entered.json()) as { number: number };
      const again = await post(`${front}/api/v1/queue/enter`, { clinic: 'lab', user });
      expect(await again.json()).toMatchObject({ number });
      expect(active.requests).toContain('POST /api/v1/queue/enter');
    });

    it('nor any other write: the next one gets it, too', async () => {
      const { active, login } = await dying();
      const answer = await login();
      expect([answer.status, served(answer)]).toEqual([200, 'node']);
      expect(active.ofClients()).toEqual([`POST ${LOGIN}`, `POST ${LOGIN}`]);
    });

    it('where no other is left, it never looks to the page like a dead server', async () => {
      const { active } = await dying();
      const front = await stage.openFront(runtime, { cloudflare: active.url });
      const refused = await post(front + LOGIN, PATIENT, { Origin: PAGE_ORIGIN });
      expect([refused.status, refused.headers.get('x-original-status')]).toEqual([200, '503']);
      expect(refused.headers.get('retry-after')).toBe('2');
      expect(await refused.json()).toMatchObject({ success: false, code: 'DATABASE_UNAVAILABLE' });
      const admin = await post(`${front}/admin/login`, stage.admin, { Origin: PAGE_ORIGIN });
      expect([admin.status, admin.headers.get('location')]).toEqual([303, '/auth/denied']);
    });

    it('with an idempotency key a write costs nothing either', async () => {
      const { login } = await dying();
      const answer = await login({ 'Idempotency-Key': randomUUID() });
      expect([answer.status, served(answer)]).toEqual([200, 'node']);
    });

    it('once one request has met it, the circuit is open and nobody waits for it', async () => {
      const { active, front } = await dying();
      expect(served(await fetch(`${front}/api/v1/stats/queues`))).toBe('node');
      const asked = active.ofClients().length;
      for (let i = 0; i < 3; i++) expect(served(await fetch(`${front}/api/v1/stats/queues`))).toBe('node');
      expect(active.ofClients().length).toBe(asked);
    });
  });

  it('a write that a target did before it died is done once, and its client is told what came of it', async () => {
    const { active, front } = await before({ behind: stage.targets.node });
    const { token } = (await (await post(`${stage.targets.node}/api/v1/auth/login`, stage.admin)).json()) as {
      token: string;
    };
    const clinic = runtime === 'node' ? 'derma' : 'bones';
    for (let patient = 0; patient < 3; patient += 1) {
      await post(`${stage.targets.node}/api/v1/queue/enter`, { clinic, user: randomUUID() });
    }
    active.behaviour = 'mute';
    const answer = await post(`${front}/api/v1/queue/call`, { clinic }, { Authorization: `Bearer ${token}` });
    expect([answer.status, served(answer), answer.headers.get('idempotency-replayed')]).toEqual([
      200,
      'node',
      null,
    ]);
    expect(await answer.json()).toMatchObject({ success: true, number: 1, waiting: 2 });
    const status = await fetch(`${stage.targets.node}/api/v1/queue/status?clinic=${clinic}`);
    expect(await status.json()).toMatchObject({ total_waiting: 2, in_service: 1, current: 1 });
    expect(active.ofClients()).toEqual(['POST /api/v1/queue/call']);
  });

  it('a wrong PIN counts once, also when the target died over it', async () => {
    const { active, front } = await before({ behind: stage.targets.node });
    const user = randomUUID();
    await post(`${stage.targets.node}/api/v1/queue/enter`, { clinic: 'ent', user });
    active.behaviour = 'mute';
    const answer = await post(`${front}/api/v1/queue/done`, { clinic: 'ent', user, pin: '00' });
    expect([answer.status, served(answer)]).toEqual([403, 'node']);
    // Five tries a minute: one is used.
    expect(answer.headers.get('x-ratelimit-remaining')).toBe('4');
    expect(active.ofClients()).toEqual(['POST /api/v1/queue/done']);
  });

  it('a hard kill under load costs nobody anything', async () => {
    const { active, front } = await before({ takes: 20 });
    let killed = false;
    const writers = Array.from({ length: 12 }, async (_, index) => {
      const answers: string[] = [];
      while (answers.filter((answer) => answer === '200 node').length < 2) {
        const answer = await post(front + LOGIN, { patientId: `20000${index}`, gender: 'male' });
        answers.push(`${answer.status} ${served(answer)}`);
        if (answer.status === 503) expect(killed).toBe(true);
      }
      return answers;
    });
    await until(
      'every writer had answers',
      () => active.ofClients().length,
      (count) => count > 50,
    );
    killed = true;
    active.kill();
    const refused = (await Promise.all(writers)).map(
      (answers) => answers.filter((answer) => answer === '503 front').length,
    );
    console.log(`front in ${runtime}: ${refused.join(' ')} refused of 12 writers at a hard kill`);
    expect(Math.max(...refused)).toBe(0);
  });

  it('a target that accepts and never answers is left within one deadline, whoever gives up meanwhile', async () => {
    const { active, front, login } = await before({});
    expect(served(await login())).toBe('cloudflare');
    active.behaviour = 'hung';
    let done = false;
    const impatient = (async () => {
      while (!done) {
        const signal = AbortSignal.timeout(200);
        await fetch(`${front}/api/v1/status`, { signal }).catch(() => undefined);
      }
    })();
    const began = performance.now();
    const patient = await fetch(`${front}/api/v1/stats/queues`);
    const waited = performance.now() - began;
    done = true;
    await impatient;
    expect([patient.status, served(patient)]).toEqual([200, 'node']);
    expect(waited).toBeLessThan(8_000);
    const asked = active.ofClients().length;
    expect(served(await login())).toBe('node');
    expect(active.ofClients().length).toBe(asked);
    console.log(`front in ${runtime}: a hung target is left after ${Math.round(waited)} ms`);
  });

  it('no client can speak against a target that lives: a platform that refuses its requests changes nothing', async () => {
    const { active, front, login } = await before({ behaviour: 'refusing' });
    for (let i = 0; i < 10; i++) {
      const read = await fetch(`${front}/api/v1/stats/queues`);
      expect([read.status, served(read)]).toEqual([200, 'node']);
      expect(served(await login())).toBe('node');
    }
    active.behaviour = 'well';
    expect(served(await login())).toBe('cloudflare');
  });

  it('nor can what a platform would refuse: it gets no further than the front', async () => {
    const { active, front } = await before({});
    const answers = await Promise.all([
      fetch(`${front}/api/v1/stats/queues?${'x'.repeat(5_000)}`),
      fetch(`${front}/api/v1/stats/queues`, { headers: { 'X-Large': 'x'.repeat(9_000) } }),
      post(`${front}/api/v1/queue/enter?${'x'.repeat(5_000)}`, {}, { Origin: PAGE_ORIGIN }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([413, 413, 200]);
    expect(await answers[0].json()).toMatchObject({ code: 'BODY_TOO_LARGE', error: 'Request too large' });
    expect(await statusOfMethod('TRACE', `${front}/api/v1/stats/queues`)).toBeGreaterThanOrEqual(400);
    for (const path of ['/auth/none', '/%61pi/v1/status', '/api/../rest/v1/patients']) {
      expect((await fetch(front + path)).status).toBe(404);
    }
    expect(active.requests).toEqual([]);
  });

  it('a target that lives but answers everything with its platform’s error is left after the threshold', async () => {
    const { active, front, login } = await before({ behaviour: 'failing' });
    // What proves nothing between two failures does not make up for them.
    for (const behaviour of ['failing', 'failing', 'refusing', 'failing'] as const) {
      active.behaviour = behaviour;
      expect(served(await fetch(`${front}/api/v1/stats/queues`))).toBe('node');
    }
    const asked = active.ofClients().length;
    expect(asked).toBe(4);
    expect(served(await login())).toBe('node');
    expect(active.ofClients().length).toBe(asked);
  });

  it('a target to which somebody switches counts as tested, whatever happened there before', async () => {
    const active = await scripted({ name: 'cloudflare', behaviour: 'page' });
    const { node, supabase } = stage.targets;
    const front = await stage.openFront(runtime, { cloudflare: active.url, node, supabase });
    const reaches = (target: string) =>
      until(
        `${target} answers`,
        async () => served(await fetch(`${front}/api/v1/stats/queues`)),
        (name) => name === target,
      );
    await stage.activate('cloudflare');
    const login = await post(front + LOGIN, PATIENT);
    expect([login.status, served(login)]).toEqual([200, 'node']);
    await stage.activate('supabase');
    await reaches('supabase');
    active.behaviour = 'well';
    await stage.activate('cloudflare');
    // Long before the breaker's 30 s.
    await reaches('cloudflare');
  });

  it('where all targets are dead one answer says so, and the first one back is found without the breakers’ pause', async () => {
    const { active, front } = await (async () => {
      const one = await scripted({ name: 'cloudflare', behaviour: 'page' });
      const other = await scripted({ name: 'node', behaviour: 'silent' });
      await stage.activate('cloudflare');
      const url = await stage.openFront(runtime, { cloudflare: one.url, node: other.url });
      return { active: one, front: url };
    })();
    for (let i = 0; i < 3; i++) expect((await fetch(`${front}/api/v1/stats/queues`)).status).toBe(503);
    active.behaviour = 'well';
    const back = await until(
      'it answers',
      () => fetch(`${front}/api/v1/stats/queues`),
      ({ status }) => status === 200,
    );
    expect(served(back)).toBe('cloudflare');
  });
});

describe('the circuit of a target', () => {
  it('closes by looks of the front alone: while it is dead, no request of a client is the trial', async () => {
    const target = await startScriptedTarget({ name: 'cloudflare', behaviour: 'page' });
    await stage.activate('cloudflare');
    const front = await stage.openFront(
      'node',
      { cloudflare: target.url, node: stage.targets.node },
      { breaker: { failureThreshold: 3, successThreshold: 2, timeout: 50 } },
    );
    expect(served(await post(front + LOGIN, PATIENT))).toBe('node');
    // The one that met the dead target.
    expect(target.ofClients()).toHaveLength(1);
    await until(
      'the front looked again and again',
      async () => {
        expect(served(await fetch(`${front}/api/v1/stats/queues`))).toBe('node');
        return target.requests.length;
      },
      (seen) => seen >= 5,
    );
    expect(target.ofClients()).toHaveLength(1);
    target.behaviour = 'well';
    await until(
      'it is trusted again',
      async () => served(await post(front + LOGIN, PATIENT)),
      (name) => name === 'cloudflare',
    );
    await target.close();
  });
});

/** fetch refuses to send it. */
function statusOfMethod(method: string, url: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(url, { method }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    })
      .once('error', reject)
      .end();
  });
}

describe('settings of the front', () => {
  it('a missing one is named, never shown, and the page still gets its 200', async () => {
    const front = await stage.openFront('node', {});
    const answer = await fetch(`${front}/health/live`);
    expect(answer.status).toBe(500);
    expect(await answer.json()).toMatchObject({
      code: 'BAD_ENVIRONMENT',
      message: expect.stringContaining('TARGETS'),
    });
    const page = await post(`${front}/api/v1/queue/enter`, { clinic: 'lab' }, { Origin: PAGE_ORIGIN });
    expect([page.status, page.headers.get('x-original-status')]).toEqual([200, '500']);
  });
});
