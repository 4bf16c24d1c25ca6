// With a staff account: what only staff may read. No logout at the end, because it would end every session of the account.
import { type Check, type CheckContext, ensure, Skip } from './check.ts';

const login: Check = {
  name: 'an admin logs in',
  writes: true,
  async run({ client, learnt, options: { admin } }) {
    if (!admin) throw new Skip('no SMOKE_ADMIN_USERNAME and SMOKE_ADMIN_PASSWORD');
    const { body } = await client.json('/api/v1/auth/login', 200, { method: 'POST', json: admin });
    ensure(typeof body.token === 'string' && body.token !== '', 'the answer has no token');
    learnt.token = body.token;
    return undefined;
  },
};

const reads: Check = {
  name: 'an admin sees lines, PINs and reports',
  writes: true,
  async run(context) {
    const token = tokenOf(context);
    const { client } = context;
    const { body } = await client.json('/api/v1/admin/status', 200, { token });
    const queues = Object.values((body.queues ?? {}) as Record<string, Record<string, unknown>>);
    ensure(queues.length > 0 && queues.every(({ pin }) => typeof pin === 'string'), 'a clinic has no PIN');
    await client.json('/api/session/stats', 200, { token });
    await client.json('/api/v1/reports/daily', 200, { token });
    return undefined;
  },
};

const forgedToken: Check = {
  name: 'an altered token counts for nothing',
  writes: true,
  async run(context) {
    const [head = '', claims = '', signature = ''] = tokenOf(context).split('.');
    const altered = `${signature[0] === 'A' ? 'B' : 'A'}${signature.slice(1)}`;
    const token = [head, claims, altered].join('.');
    await context.client.json('/api/session/stats', 401, { token, code: 'UNAUTHORIZED' });
    return undefined;
  },
};

export const ADMIN_CHECKS: readonly Check[] = [login, reads, forgedToken];

function tokenOf({ learnt }: CheckContext): string {
  if (learnt.token === undefined) throw new Skip('no admin token');
  return learnt.token;
}
