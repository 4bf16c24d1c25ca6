// Runs the function of a Build Output folder in plain Node, as Vercel's own launcher would: the client's address in
// x-real-ip, and what waitUntil is given is kept alive.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { listen } from './web-server.mjs';

const [folder = '', port = '0'] = process.argv.slice(2);
const { handler } = JSON.parse(await readFile(join(folder, '.vc-config.json'), 'utf8'));
// Vercel hands these over before the function's code runs.
Reflect.set(globalThis, Symbol.for('@vercel/request-context'), {
  get: () => ({ waitUntil: (work) => void Promise.resolve(work).catch((error) => console.error(error)) }),
});
const entry = await import(pathToFileURL(join(folder, handler)).href);
const { fetch } = entry.default;
await listen(Number(port), (request) => fetch(request));
