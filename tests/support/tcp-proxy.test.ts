/** Each fault of the proxy is the one it is named after: a test of faults that do not happen would prove nothing. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type TcpProxy, tcpProxyTo } from './tcp-proxy.ts';

let server: Server;
let proxy: TcpProxy;
let served = 0;
beforeAll(async () => {
  server = createServer((_request, response) => {
    served += 1;
    response.end('served');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy = await tcpProxyTo((server.address() as AddressInfo).port);
});
afterEach(() => proxy.restore());
afterAll(async () => {
  await proxy?.close();
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve));
});

/** What comes of a request within its limit: its text, or the code of the failure. */
async function ask(limit = 2_000): Promise<string> {
  try {
    const answer = await fetch(`http://127.0.0.1:${proxy.port}/`, { signal: AbortSignal.timeout(limit) });
    return await answer.text();
  } catch (error) {
    const { name, cause } = error as { name: string; cause?: { code?: string } };
    return cause?.code ?? name;
  }
}

describe('a proxy', () => {
  it('passes everything on', async () => {
    expect(await Promise.all([ask(), ask(), ask()])).toEqual(['served', 'served', 'served']);
  });

  it('that is down refuses, and is there again at the same port', async () => {
    await proxy.down();
    expect(await ask()).toBe('ECONNREFUSED');
    await proxy.restore();
    expect(await ask()).toBe('served');
  });

  it('that is slow delivers late, and also what nobody waits for any more', async () => {
    proxy.slow(150);
    const start = performance.now();
    expect(await ask()).toBe('served');
    expect(performance.now() - start).toBeGreaterThanOrEqual(300);
    const before = served;
    expect(await ask(50)).toBe('TimeoutError');
    await expect.poll(() => served).toBe(before + 1);
  });

  it('that resets does so on old connections and on new ones', async () => {
    await ask();
    proxy.reset();
    for (let count = 0; count < 3; count += 1) expect(await ask()).toBe('ECONNRESET');
  });

  it('that swallows answers nothing and asks nothing', async () => {
    const before = served;
    proxy.swallow();
    expect(await ask(100)).toBe('TimeoutError');
    expect(served).toBe(before);
    await proxy.restore();
    expect(await ask()).toBe('served');
  });

  it('that is mute lets the server act and its answer be lost', async () => {
    const before = served;
    proxy.mute();
    expect(await ask(100)).toBe('TimeoutError');
    expect(served).toBe(before + 1);
  });
});
