// What stands before a target must hold: the page learns that a login failed, and the target learns who its client is.
import { PROXY_HEADERS } from '../../src/lib/trusted-proxy.ts';
import { type Check, ensure, Skip } from './check.ts';
import { isUnderFunctions } from './supabase-checks.ts';

const DENIED = '/auth/denied';

/** Nobody's: RFC 5737 and RFC 2606 keep them for such use. */
const CLIENT = { address: '192.0.2.1', origin: 'https://smoke.invalid' } as const;

const denied: Check = {
  name: 'a refused login is seen as one',
  async run({ client, options }) {
    const { status } = await client.request(DENIED);
    // There, only what stands before the functions can answer it.
    const isRight = isUnderFunctions(options.url) ? status === 401 || status === 404 : status === 401;
    ensure(isRight, `${DENIED} answered ${status}: the page would take every refused login for a success`);
    return undefined;
  },
};

const believed: Check = {
  name: 'it believes the front',
  async run({ client, id, options: { proxySecret } }) {
    if (proxySecret === undefined) throw new Skip('no PROXY_SECRET, or WEB_PAGE_MODE is off');
    const front = await client.request(DENIED);
    if (front.headers.get('x-served-by') === 'front') throw new Skip('the front stands before it');
    // To the page on the host that the front names, a route that is not there is a 200: so the name was believed.
    const { headers } = await client.request(`/api/v1/route/get?patientId=${id}`, {
      headers: {
        Origin: CLIENT.origin,
        [PROXY_HEADERS.origin]: CLIENT.origin,
        [PROXY_HEADERS.address]: CLIENT.address,
        [PROXY_HEADERS.secret]: proxySecret,
      },
    });
    ensure(
      headers.get('x-original-status') === '404',
      'PROXY_SECRET is missing there or another one: to it, all patients behind the front are one address',
    );
    return undefined;
  },
};

export const FRONT_CHECKS: readonly Check[] = [denied, believed];
