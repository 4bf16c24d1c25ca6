// Cloudflare Workers: the settings come with each request, and the cron trigger calls `scheduled`.
import { createIsolate, fromHeader, type Isolate, type WaitUntil } from './isolate.ts';

type Environment = Readonly<Record<string, unknown>>;

interface Execution {
  waitUntil: WaitUntil;
}

const isolates = new WeakMap<Environment, Isolate>();

function isolateOf(environment: Environment): Isolate {
  const known = isolates.get(environment);
  if (known) return known;
  const clientIp = fromHeader('cf-connecting-ip');
  const isolate = createIsolate({ target: 'cloudflare', environment, clientIp });
  isolates.set(environment, isolate);
  return isolate;
}

export default {
  fetch: (request: Request, environment: Environment, execution: Execution) =>
    isolateOf(environment).fetch(request, (work) => execution.waitUntil(work)),
  scheduled: (_event: unknown, environment: Environment, execution: Execution) =>
    isolateOf(environment).tick((work) => execution.waitUntil(work)),
};
