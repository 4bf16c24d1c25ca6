// What travels with a request through middleware and routes.
import type { WebPageSettings } from './config.ts';
import type { RequestContext } from './request-context.ts';
import type { Services, Target } from './services.ts';
import type { Timing } from './timing.ts';
import type { Forwarded } from './trusted-proxy.ts';

export interface AppEnv {
  Variables: {
    requestId: string;
    /** Absent unless the request came through the front. */
    forwarded?: Forwarded;
    timing: Timing;
    services: Services;
    ctx: RequestContext;
  };
}

/** What the entry of a target tells the application about its platform. */
export interface TargetOptions {
  readonly target: Target;
  /** The services of this isolate. Throws BAD_ENVIRONMENT when a setting is missing or malformed. */
  readonly services: () => Services;
  /** The client's address from the one source that the platform vouches for. */
  readonly clientIp: (request: Request, platform: unknown) => string;
  /** Web page mode; known also where the services cannot be built. Absent: its defaults. */
  readonly webPage?: () => WebPageSettings;
  /** The secret of the front, whose word about its clients is believed; absent: nobody's is. */
  readonly proxySecret?: string | undefined;
  /** Paths that this target does not serve. */
  readonly unpublished?: ReadonlySet<string>;
}
