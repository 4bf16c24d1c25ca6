// On Supabase every published name is a function of its own, deployed by itself: one may be missing or old.
import { TARGET_HEADER } from '../../src/lib/answer-headers.ts';
import { CANDIDATE, FUNCTION_NAMES } from '../../supabase-adapter/functions.ts';
import { type Check, ensure, Skip } from './check.ts';

/** It never ends by itself, so it is read as a stream. */
const STREAM = 'events-stream';

/** Is this where Supabase serves the functions, with nothing of ours before them? */
function isFunctionsUrl(url: string): boolean {
  return new URL(url).pathname.replace(/\/+$/, '').endsWith('/functions/v1');
}

/** The functions, or the one that has every path below its name while new code is tested in it. */
export function isUnderFunctions(url: string): boolean {
  return isFunctionsUrl(url.replace(new RegExp(`/${CANDIDATE}/*$`), ''));
}

const published: Check = {
  name: 'every published function answers',
  async run({ client, learnt, options }) {
    // Behind a front there are the paths of the API only, whichever target answers.
    if (learnt.target !== 'supabase' || !isFunctionsUrl(options.url)) throw new Skip('for Supabase');
    const silent: string[] = [];
    for (const name of FUNCTION_NAMES.filter((each) => each !== STREAM)) {
      // Whatever a GET without fields is answered, the header says that our code did.
      const { headers } = await client.request(`/${name}`);
      if (headers.get(TARGET_HEADER) !== 'supabase') silent.push(name);
    }
    const connected = await client.stream(`/${STREAM}`, (text) => text.includes('event: connected'));
    if (connected.headers.get(TARGET_HEADER) !== 'supabase') silent.push(STREAM);
    ensure(silent.length === 0, `not answered by this service: ${silent.join(', ')}`);
    return `${FUNCTION_NAMES.length} functions`;
  },
};

export const FUNCTION_CHECKS: readonly Check[] = [published];
