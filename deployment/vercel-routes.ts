// The other front: the routing rules of the Vercel project that serves the web page, changed through Vercel's CLI. A rule
// applies at once, without a deployment, and every published state of the rules can be restored there.
import type { Route } from './active-target.ts';
import type { Cli } from './platform-cli.ts';

/** The public paths of the backend as the one group that a destination repeats. */
const PUBLIC_PATHS = '^/((?:api|auth|config|health)/.*|health|metrics|openapi\\.json|docs)$';

/**
 * The rules, in their order; docs/deploy.md makes them once. The CLI finds a rule by a part of its name, so none may
 * have another's in it. Rules know no method: what brings a body along is the POST of a form, and a GET is the page's.
 */
export const RULES = {
  // Answered here, since Supabase publishes none; were it the page's HTML, every refused login would succeed.
  denied: { name: 'mmc-denied', src: '^/auth/denied/?$', status: 401 },
  forms: { name: 'mmc-forms', src: '^/(admin/(?:login|logout))$', has: 'content-type' },
  paths: { name: 'mmc-api', src: PUBLIC_PATHS },
} as const;

/** Points the two rules with a destination at a target: those of the project that the program's VERCEL_PROJECT_ID names. */
export function vercelRoutes(cli: Cli): Route {
  return {
    name: 'the routing rules of Vercel',
    async problem() {
      const rules = rulesOf(await cli.read(['routes', 'export']));
      return rules === undefined
        ? 'vercel routes export did not answer with a list of rules'
        : problemOf(rules);
    },
    async point({ url }) {
      for (const { name } of [RULES.forms, RULES.paths]) {
        // Where two rules match, a CLI that may ask does so, is not answered, and ends as if it had done its work.
        const to = ['--action', 'rewrite', '--dest', `${url}/$1`, '--yes', '--non-interactive'];
        await cli.change(['routes', 'edit', name, ...to]);
      }
      await cli.change(['routes', 'publish', '--yes']);
    },
  };
}

interface Rule {
  readonly src?: string;
  readonly dest?: string;
  readonly status?: number;
  readonly has?: readonly { readonly type?: string; readonly key?: string }[];
}

/** Asked about the rules, each by a path: where a request with and without a body must end. */
const MEANT: readonly { path: string; body: boolean; ends: 'target' | 'page' | number }[] = [
  { path: '/auth/denied', body: false, ends: RULES.denied.status },
  { path: '/admin/login', body: true, ends: 'target' },
  { path: '/admin/login', body: false, ends: 'page' },
  { path: '/api/v1/queue/enter', body: true, ends: 'target' },
  { path: '/health/live', body: false, ends: 'target' },
  { path: '/', body: false, ends: 'page' },
];

function problemOf(rules: readonly Rule[]): string | undefined {
  const wrong = MEANT.find(({ path, body, ends }) => endOf(rules, path, body) !== ends);
  return (
    wrong && `the routing rules send ${wrong.path} elsewhere: make them as in docs/deploy.md, section 11`
  );
}

function endOf(rules: readonly Rule[], path: string, hasBody: boolean): 'target' | 'page' | number {
  const first = rules.find(({ src = '', has = [] }) => {
    const applies = has.every(({ type, key }) => hasBody && type === 'header' && key === RULES.forms.has);
    return applies && matches(src, path);
  });
  return first?.status ?? (first?.dest === undefined ? 'page' : 'target');
}

/** A rule in another syntax, or in what only Vercel's expressions know, is none of ours. */
function matches(src: string, path: string): boolean {
  try {
    return new RegExp(src).test(path);
  } catch {
    return false;
  }
}

function rulesOf(text: string): readonly Rule[] | undefined {
  try {
    const { routes } = JSON.parse(text) as { routes?: readonly Rule[] };
    return Array.isArray(routes) ? routes : undefined;
  } catch {
    return undefined;
  }
}
