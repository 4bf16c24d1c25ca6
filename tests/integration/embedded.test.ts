/** `npm start`: what stays from one start to the next, and what is said when a start is impossible. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, get, type IncomingHttpHeaders, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalServer, type LocalServerOptions, startLocalServer } from '../../local/local-server.ts';
import { createTestDatabase } from '../support/postgres-server.ts';

let dataDir: string;
let server: LocalServer | undefined;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'mmc-local-'));
});
afterAll(async () => {
  await server?.close();
  await rm(dataDir, { recursive: true, force: true });
});

/** Starts on the data of this file, stopping what runs on it. */
async function start(options: LocalServerOptions = {}): Promise<LocalServer> {
  await server?.close();
  server = undefined;
  server = await startLocalServer({ dataDir, ...options });
  return server;
}

async function send({ url }: LocalServer, method: string, path: string, json?: object, token?: string) {
  const response = await fetch(url + path, {
    method,
    headers: {
      'Content-Type': 'application/json',
      // A kept connection would keep the server from ending.
      Connection: 'close',
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
    },
    ...(json && { body: JSON.stringify(json) }),
  });
  return { headers: response.headers, body: (await response.json()) as Record<string, unknown> };
}

const enter = async (at: LocalServer, user: string) =>
  (await send(at, 'POST', '/api/v1/queue/enter', { clinic: 'lab', user })).body;

const login = async (at: LocalServer, admin: object | undefined) =>
  (await send(at, 'POST', '/api/v1/auth/login', admin)).body;

const pinsFor = async (at: LocalServer, token: unknown) =>
  (await send(at, 'GET', '/api/v1/pin/status', undefined, String(token))).body.allPins;

/** The message with which this start is refused. */
const refusal = (options: LocalServerOptions) =>
  startLocalServer(options).then(
    async (started) => {
      await started.close();
      return 'started';
    },
    (error: unknown) => String(error),
  );

/** The status that a held request gets, on a connection of its own. */
function held(url: string, tag: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false, headers: { 'If-None-Match': tag } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).once('error', reject);
  });
}

/** A request that `fetch` would refuse to send. */
function rawRequest(url: string, options: object) {
  interface Answer {
    readonly status: number | undefined;
    readonly headers: IncomingHttpHeaders;
    readonly body: Record<string, unknown>;
  }
  return new Promise<Answer>((resolve, reject) => {
    request(url, { agent: false, ...options }, async (response) => {
      const { statusCode: status, headers } = response;
      resolve({ status, headers, body: JSON.parse(Buffer.concat(await response.toArray()).toString()) });
    })
      .once('error', reject)
      .end();
  });
}

// One story on one directory: each start goes on with what the one before it left.
describe('npm start', () => {
  let firstAdmin: object | undefined;
  let firstToken: unknown;
  let firstPins: unknown;

  it('makes an account, prints it once, and listens on this machine only', async () => {
    const first = await start({ settings: { LONG_POLL_SECONDS: '15' } });
    expect(new URL(first.url).hostname).toBe('127.0.0.1');
    firstAdmin = first.admin;
    expect(firstAdmin).toMatchObject({ username: 'admin', password: expect.stringMatching(/^.{16}$/) });
    expect((await enter(first, 'kept-1')).number).toBe(1);
    expect((await enter(first, 'kept-2')).number).toBe(2);
    firstToken = (await login(first, firstAdmin)).token;
    firstPins = await pinsFor(first, firstToken);
    expect(firstPins).toHaveLength(13);
  });

  it.each([false, true])('on data in use names its owner, and harms nothing (fresh: %s)', async (fresh) => {
    expect(await refusal({ dataDir, fresh })).toContain(`in use by process ${process.pid}`);
    if (server) expect((await enter(server, 'kept-1')).number).toBe(1);
  });

  it.each([
    ['a Host header that is no host', { path: '/health', headers: { Host: 'a b' } }],
    ['OPTIONS *', { method: 'OPTIONS', path: '*' }],
  ])('answers %s with the error body of the contract', async (_what, wanted) => {
    if (!server) throw new Error('not started');
    const { status, headers, body } = await rawRequest(server.url, wanted);
    expect(status).toBe(400);
    expect(headers['access-control-allow-origin']).toBe('*');
    expect(body).toMatchObject({ success: false, code: 'MALFORMED_BODY', error: 'Malformed request' });
    expect(headers['x-request-id']).toBe(body.request_id);
  });

  it('stops at once although somebody is held', async () => {
    const path = '/api/v1/queue/position?clinic=lab&user=kept-1';
    if (!server) throw new Error('not started');
    const { headers } = await send(server, 'GET', path);
    const pending = held(server.url + path, headers.get('etag') ?? '');
    const pause = new Promise<'held'>((wake) => setTimeout(() => wake('held'), 300));
    expect(await Promise.race([pending, pause])).toBe('held');
    const began = performance.now();
    await server.close();
    server = undefined;
    expect(await pending).toBe(304);
    expect(performance.now() - began).toBeLessThan(2_000);
  });

  it('goes on where the last start ended: numbers, accounts, tokens, PINs', async () => {
    const second = await start();
    expect(second.admin).toBeUndefined();
    expect(await enter(second, 'kept-2')).toMatchObject({
      number: 2,
      entry_status: 'ALREADY_IN_QUEUE',
      ahead: 1,
    });
    expect((await enter(second, 'kept-3')).number).toBe(3);
    expect(await pinsFor(second, firstToken)).toEqual(firstPins);
    expect((await login(second, firstAdmin)).success).toBe(true);
  });

  it('keeps the account of the settings, and takes its new password', async () => {
    const credentials = { ADMIN_USERNAME: 'aisha', ADMIN_PASSWORD: 'the first password' };
    const old = { username: 'aisha', password: credentials.ADMIN_PASSWORD };
    const made = await start({ settings: credentials });
    expect(made.admin).toEqual(old);
    const { token } = await login(made, old);

    const again = await start({ settings: credentials });
    expect(await pinsFor(again, token)).toHaveLength(13);

    const changed = await start({ settings: { ...credentials, ADMIN_PASSWORD: 'another password' } });
    expect((await login(changed, old)).code).toBe('INVALID_CREDENTIALS');
    expect((await login(changed, { ...old, password: 'another password' })).success).toBe(true);
    // A new password ends the sessions of the old one.
    expect(await pinsFor(changed, token)).toEqual([]);
  });

  it('takes a password without a name for the account admin', async () => {
    const password = 'a password of the settings';
    const made = await start({ settings: { ADMIN_PASSWORD: password } });
    expect(made.admin).toEqual({ username: 'admin', password });
    expect((await login(made, made.admin)).success).toBe(true);
  });

  it('asks its own database, whatever DATABASE_HTTP_URL the shell has', async () => {
    const started = await start({ settings: { DATABASE_HTTP_URL: 'http://127.0.0.1:9/sql' } });
    expect((await enter(started, 'kept-1')).number).toBe(1);
  });

  it('on a port in use says which one and what to do, and leaves nothing open', async () => {
    await server?.close();
    server = undefined;
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    for (const fresh of [false, true]) {
      expect(await refusal({ dataDir, port, fresh })).toContain(
        `Port ${port} is in use. Choose another: --port N`,
      );
    }
    await new Promise((resolve) => other.close(resolve));

    // The directory is free again, and so is the port.
    const { url } = await start({ port });
    expect(url).toBe(`http://127.0.0.1:${port}`);
  });

  it('with another service day than its data’s says so', async () => {
    await server?.close();
    server = undefined;
    expect(await refusal({ dataDir, settings: { TIMEZONE: 'Europe/Berlin' } })).toMatch(
      /made for timezone Asia\/Qatar.*Europe\/Berlin/,
    );
    expect(await refusal({ dataDir, settings: { SERVICE_DAY_START: '05:00' } })).toContain(
      'service_day_start',
    );
  });

  it.each([
    ['TIMEZONE', 'secret/zone'],
    ['SERVICE_DAY_START', 'secret'],
    ['LONG_POLL_SECONDS', 'secret'],
    ['JWT_SECRET', 'secret'],
  ])('with a malformed %s names it, and not its value', async (name, value) => {
    const message = await refusal({ dataDir, settings: { [name]: value } });
    expect(message).toContain(`The setting ${name} is missing or malformed`);
    expect(message).not.toContain('secret');
  });

  it('with a password that is too short says so', async () => {
    const settings = { ADMIN_USERNAME: 'layla', ADMIN_PASSWORD: 'short' };
    expect(await refusal({ dataDir, settings })).toContain('at least 10 characters');
  });

  it('after all those refusals still has its data', async () => {
    expect((await enter(await start(), 'kept-4')).number).toBe(4);
  });

  it('that is fresh begins anew, and leaves alone what it did not make', async () => {
    await writeFile(join(dataDir, 'notes.txt'), 'mine');
    const fresh = await start({ fresh: true });
    expect(fresh.admin).toMatchObject({ username: 'admin' });
    expect(fresh.admin).not.toEqual(firstAdmin);
    expect((await enter(fresh, 'kept-4')).number).toBe(1);
    // The secret went too: a token of the old data is nobody's.
    expect(await pinsFor(fresh, firstToken)).toEqual([]);
    await fresh.close();
    server = undefined;
    expect((await readdir(dataDir)).sort()).toEqual(['jwt-secret', 'notes.txt', 'postgres']);
  });
});

describe('npm start on a real database', () => {
  it('makes its data directory for what it keeps beside it', async () => {
    const database = await createTestDatabase();
    const fresh = join(dataDir, 'not', 'there');
    const started = await startLocalServer({ dataDir: fresh, databaseUrl: database.url });
    expect((await enter(started, 'real-1')).number).toBe(1);
    await started.close();
    expect(await readdir(fresh)).toEqual(['jwt-secret']);
    await database.drop();
  });
});
