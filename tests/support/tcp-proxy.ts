/** A way to a server of this machine that a test breaks and mends: what lies between a service and what it stands on. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface TcpProxy {
  readonly port: number;
  /** Connections are refused, and those there are get cut. */
  down(): Promise<void>;
  /** Each byte arrives so many milliseconds later, also when whoever sent it has gone. */
  slow(milliseconds: number): void;
  /** Every connection is reset, at the latest when something is sent through it. */
  reset(): void;
  /** Half-open: connections are there and are accepted, and nothing comes through in either direction. */
  swallow(): void;
  /** What is asked arrives and is done; no answer comes back. */
  mute(): void;
  /** As at first. Connections of the fault are cut; new ones work. */
  restore(): Promise<void>;
  close(): Promise<void>;
}

type Fault = 'none' | 'slow' | 'reset' | 'swallow' | 'mute';

interface Pair {
  readonly client: Socket;
  readonly upstream: Socket;
}

/** A proxy on a free port of 127.0.0.1 to this port of it. */
export async function tcpProxyTo(port: number): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let fault: Fault = 'none';
  let delay = 0;

  function carry({ client, upstream }: Pair, from: Socket, to: Socket): void {
    const later = (work: () => void) => {
      if (fault === 'slow') setTimeout(work, delay);
      else work();
    };
    from.on('data', (bytes) => {
      if (fault === 'reset') {
        client.resetAndDestroy();
        upstream.resetAndDestroy();
      } else if (fault !== 'swallow' && !(fault === 'mute' && from === upstream)) {
        later(() => to.writable && to.write(bytes));
      }
    });
    // A side that ends is not heard of through a half-open connection either.
    from.on('close', () => fault !== 'swallow' && later(() => to.destroy()));
    from.on('error', () => from.destroy());
  }

  const server = createServer((client) => {
    const pair: Pair = { client, upstream: connect(port, '127.0.0.1') };
    pairs.add(pair);
    pair.upstream.once('close', () => pairs.delete(pair));
    carry(pair, client, pair.upstream);
    carry(pair, pair.upstream, client);
  });
  const listen = (at: number) => new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve));
  await listen(0);
  const own = (server.address() as AddressInfo).port;

  function cut(): void {
    for (const { client, upstream } of pairs) {
      client.destroy();
      upstream.destroy();
    }
  }
  async function shut(): Promise<void> {
    if (!server.listening) return;
    const closed = new Promise((resolve) => server.close(resolve));
    cut();
    await closed;
  }

  return {
    port: own,
    down: shut,
    slow(milliseconds) {
      fault = 'slow';
      delay = milliseconds;
    },
    reset() {
      fault = 'reset';
      for (const { client } of pairs) client.resetAndDestroy();
    },
    swallow() {
      fault = 'swallow';
    },
    mute() {
      fault = 'mute';
    },
    async restore() {
      if (fault !== 'none') cut();
      fault = 'none';
      if (!server.listening) await listen(own);
    },
    async close() {
      fault = 'none';
      await shut();
    },
  };
}
