// Runs a script with a fetch listener in `edge-runtime`. Its own server would not tell the script that a client is
// gone, so Node's stands before it.
import { readFile } from 'node:fs/promises';
import { EdgeRuntime } from 'edge-runtime';
import { listen } from './web-server.mjs';

const [script = '', port = '0'] = process.argv.slice(2);
// What the platform gives besides the standard: the settings.
const { PATH: _path, HOME: _home, ...settings } = process.env;
const runtime = new EdgeRuntime({
  initialCode: await readFile(script, 'utf8'),
  extend: (context) => Object.assign(context, { process: { env: settings } }),
});

await listen(Number(port), (request) =>
  runtime.dispatchFetch(request.url, {
    method: request.method,
    headers: [...request.headers],
    body: request.body,
    signal: request.signal,
    duplex: 'half',
  }),
);
