// The other front: the routing rules of the Vercel project that serves the web page, changed through Vercel's CLI. A rule
// applies at once, without a deployment, and every published state of the rules can be restored there.
import type { Route } from './active-target.ts';
import type { Cli } from './platform-cli.ts';

/** The name of the one rule that this changes. */
const RULE = 'mmc-api';

/** The public paths of the backend as the one group that a destination repeats. */
export const PUBLIC_PATHS =
  '^/((?:api|auth|config|health)/.*|admin/(?:login|logout)|health|metrics|openapi\\.json|docs)$';

/** Points the rule `mmc-api` of the linked project, which docs/deploy.md makes once, at a target and publishes it. */
export function vercelRoutes(cli: Cli, environment: Readonly<Record<string, string | undefined>>): Route {
  const token = environment.VERCEL_TOKEN ? ['--token', environment.VERCEL_TOKEN] : [];
  return {
    name: 'the routing rules of Vercel',
    async point({ url }) {
      await cli.change([
        'routes',
        'edit',
        RULE,
        '--action',
        'rewrite',
        '--dest',
        `${url}/$1`,
        '--yes',
        ...token,
      ]);
      await cli.change(['routes', 'publish', '--yes', ...token]);
    },
  };
}
