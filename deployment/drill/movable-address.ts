// An address that keeps its name while what answers there changes: what a platform does when it gives a version traffic.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface MovableAddress {
  readonly url: string;
  /** Everything new goes to the server at this URL; connections to the one before are cut. */
  pointTo(url: string): void;
  close(): Promise<void>;
}

/** Opens one on a free port of 127.0.0.1, before the server at this URL. */
export async function openMovableAddress(first: string): Promise<MovableAddress> {
  const sockets = new Set<Socket>();
  let port = portOf(first);
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.once('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.on('error', () => from.destroy());
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pointTo(url) {
      port = portOf(url);
      cut();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  };
}

const portOf = (url: string) => Number(new URL(url).port);
