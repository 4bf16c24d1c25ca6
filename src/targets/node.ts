// Node: development, the embedded default, and a plain container or VM.
import type { HttpBindings } from '@hono/node-server';
import { createApp } from '../app.ts';
import { readConfig, readWebPageSettings } from '../lib/config.ts';
import { createServices, type Services } from '../lib/services.ts';

/** The application for one Node process. `close` answers what is held, so that the server can stop at once. */
export function createNodeTarget(environment: Readonly<Record<string, string | undefined>>) {
  let services: Services | undefined;
  const webPage = readWebPageSettings(environment);
  const app = createApp({
    target: 'node',
    services: () => {
      services ??= createServices('node', readConfig(environment));
      return services;
    },
    // Nothing stands between the client and this socket; a proxy's headers could be anybody's.
    clientIp: (_request, platform) => (platform as HttpBindings).incoming?.socket.remoteAddress ?? 'unknown',
    webPage: () => webPage,
  });
  function close() {
    services?.wakeUps.close();
    services?.streams.endAll();
  }
  return { app, close };
}
