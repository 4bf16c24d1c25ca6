/** A door before an endpoint that a test can shut and open again: what goes away need not be started anew. */
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface Door {
  readonly port: number;
  /** From now on connections are refused, and those there were are cut. */
  shut(): Promise<void>;
  /** May be called although it is open. */
  open(): Promise<void>;
}

/** An open door of 127.0.0.1 to this port of it. */
export async function doorTo(port: number): Promise<Door> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    const upstream = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      sockets.add(from);
      from.once('close', () => sockets.delete(from));
      from.on('error', () => to.destroy());
      from.pipe(to);
    }
  });
  const listen = (at: number) => new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve));
  await listen(0);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP port');
  return {
    port: address.port,
    async shut() {
      if (!server.listening) return;
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    async open() {
      if (!server.listening) await listen(address.port);
    },
  };
}
