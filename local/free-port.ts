// For servers that cannot choose a free port themselves, or must know in time that theirs is taken.
import { createServer } from 'node:net';

/**
 * A port of 127.0.0.1 that was free a moment ago: `wanted`, or any. Another process may still take it first. Rejects
 * when the wanted one is in use.
 */
export function freePort(wanted = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? portInUse(wanted) : error),
    );
    server.listen(wanted, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('no TCP port'));
        else resolve(address.port);
      });
    });
  });
}

/** What whoever chose the port is told. */
export function portInUse(port: number): Error {
  return new Error(`Port ${port} is in use. Choose another: --port N`);
}
