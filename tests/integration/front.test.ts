/** The front before real targets: the right one answers, a switch holds at once, and a dead one costs what it must. */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EventSourceClient } from '../support/event-source.ts';
import { until } from '../support/until.ts';
import {
  type BrokenTarget,
  openStage,
  PAGE_ORIGIN,
  PROXY_SECRET,
  type Stage,
  startBrokenTarget,
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
      ['/auth/denied', '/', '/qr', '/admin', '/admin/queues', '/admin/login'].map((path) =>
        fetch(front + path),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([401, 404, 404, 404, 404, 405]);
    for (const answer of answers) {
      expect(served(answer)).toBe('front');
      expect(answer.headers.get('access-control-allow-origin')).toBe('*');
      expect(await answer.json()).toMatchObject({ success: false });
    }
    expect((await fetch(`${front}/api/v1/queue/enter`, { method: 'OPTIONS' })).status).toBe(204);
  });

  it('lets another target answer what Supabase does not publish', async () => {
    await switchTo('supabase');
    const docs = await fetch(`${front}/openapi.json`);
    expect([docs.status, served(docs)]).toEqual([200, 'node']);
  });

  it('follows a switch within a second, without an error in between', async () => {
    const statuses: number[] = [];
    let done = false;
    const asking = (async () => {
      while (!done) statuses.push((await fetch(`${front}/api/v1/stats/queues`)).status);
    })();
    const times: number[] = [];
    for (const target of ['node', 'cloudflare', 'supabase', 'node'] as const)
      times.push(await switchTo(target));
    done = true;
    await asking;
    console.log(
      `front in ${runtime}: ${times.length} switches in ${times.map(Math.round).join(', ')} ms, ` +
        `${statuses.length} requests meanwhile`,
    );
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
    expect(Math.max(...times)).toBeLessThan(1_000);
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
    const missed = randomUUID();
    const { lastId } = stream;
    stream.close();
    expect((await post(`${front}/api/v1/queue/enter`, { clinic: 'ent', user: missed })).status).toBe(200);
    const resumed = await EventSourceClient.open(`${front}/api/v1/events/stream?clinic=ent`, {
      'Last-Event-ID': lastId ?? '',
    });
    expect(served(resumed.response)).toBe('cloudflare');
    const after = await resumed.atLeast(1);
    resumed.close();
    const ids = [...stream.named(), ...after].map(({ id }) => id).filter((id) => id !== undefined);
    expect(before).toBeGreaterThan(0);
    expect(new Set(ids).size).toBe(ids.length);
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
        .writeHead(200, { 'Content-Type': 'text/event-stream', 'X-Served-By': 'vercel' })
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

describe.each(['node', 'workerd'] as const)('a dead target behind the front in %s', (runtime) => {
  describe.each([{ silent: false }, { silent: true }])(
    'that answers a page of its platform: not $silent',
    ({ silent }) => {
      let broken: BrokenTarget;
      let front: string;
      beforeAll(async () => {
        broken = await startBrokenTarget({ silent });
        await stage.activate('cloudflare');
        front = await stage.openFront(runtime, { cloudflare: broken.url, node: stage.targets.node });
      });
      afterAll(async () => {
        await broken?.close();
      });

      it('the first request that is safe to repeat gets its answer from the next one, once', async () => {
        const user = randomUUID();
        const entered = await post(`${front}/api/v1/queue/enter`, { clinic: 'lab', user });
        expect([entered.status, served(entered)]).toEqual([200, 'node']);
        const { number } = (await entered.json()) as { number: number };
        const again = await post(`${front}/api/v1/queue/enter`, { clinic: 'lab', user });
        expect(await again.json()).toMatchObject({ number });
        expect(broken.requests).toContain('POST /api/v1/queue/enter');
      });

      it('what may have had an effect is refused in our words, with a time to come back', async () => {
        const login = await post(`${front}/api/v1/patient/login`, { patientId: '12345678', gender: 'male' });
        expect([login.status, served(login)]).toEqual([503, 'front']);
        expect(login.headers.get('retry-after')).toBe('2');
        expect(await login.json()).toMatchObject({ success: false, code: 'DATABASE_UNAVAILABLE' });
      });

      it('the page never sees that as a dead server', async () => {
        const page = { Origin: PAGE_ORIGIN };
        const login = await post(
          `${front}/api/v1/patient/login`,
          { patientId: '12345678', gender: 'male' },
          page,
        );
        expect([login.status, login.headers.get('x-original-status')]).toEqual([200, '503']);
        expect(await login.json()).toMatchObject({ success: false, code: 'DATABASE_UNAVAILABLE' });
        const admin = await post(`${front}/admin/login`, stage.admin, page);
        expect([admin.status, admin.headers.get('location')]).toEqual([303, '/auth/denied']);
      });

      it('once its circuit is open nobody waits for it, and an idempotency key makes a write safe', async () => {
        for (let i = 0; i < 3; i++) await fetch(`${front}/api/v1/stats/queues`);
        const asked = broken.requests.length;
        const login = await post(
          `${front}/api/v1/patient/login`,
          { patientId: '12345678', gender: 'male' },
          { 'Idempotency-Key': randomUUID() },
        );
        expect([login.status, served(login)]).toEqual([200, 'node']);
        expect(broken.requests.length).toBe(asked);
      });
    },
  );
});

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
