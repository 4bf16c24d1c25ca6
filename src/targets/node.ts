// Node: development, the embedded default, and a plain container or VM.
import type { HttpBindings } from '@hono/node-server';
import { createIsolate, type IsolateOptions } from './isolate.ts';

/** The application for one Node process. `close` answers what is held, so that the server can stop at once. */
export function createNodeTarget(
  environment: Readonly<Record<string, string | undefined>>,
  replacements: IsolateOptions['replacements'] = {},
) {
  return createIsolate({
    target: 'node',
    environment,
    replacements,
    // Nothing stands between the client and this socket; a proxy's headers could be anybody's.
    clientIp: (_request, platform) => (platform as HttpBindings).incoming?.socket.remoteAddress ?? 'unknown',
  });
}
