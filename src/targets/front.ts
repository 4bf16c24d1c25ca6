// The front on Cloudflare Workers: its settings come with each request.
import { createFront } from '../front/front.ts';

type Environment = Readonly<Record<string, unknown>>;
type Front = ReturnType<typeof createFront>;

interface Execution {
  waitUntil(work: Promise<unknown>): void;
}

const fronts = new WeakMap<Environment, Front>();

function frontOf(environment: Environment): Front {
  const known = fronts.get(environment);
  if (known) return known;
  const front = createFront({
    environment,
    clientIp: (request) => request.headers.get('cf-connecting-ip') ?? 'unknown',
    waitUntil: (work, execution) => (execution as Execution).waitUntil(work),
  });
  fronts.set(environment, front);
  return front;
}

export default {
  fetch: (request: Request, environment: Environment, execution: Execution) =>
    frontOf(environment).fetch(request, execution),
};
