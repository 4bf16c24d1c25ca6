// The whole application for one isolate: what every target's entry starts from. The build makes one file of this
// module, the same for all targets; the entries beside it say only what differs.
import { createApp } from '../app.ts';
import type { TargetOptions } from '../lib/app-env.ts';
import { readConfig, readProxySecret, readWebPageSettings } from '../lib/config.ts';
import { createServices, type Services } from '../lib/services.ts';
import { runTick, schedulerContext } from '../lib/tick.ts';

export interface IsolateOptions extends Pick<TargetOptions, 'target' | 'unpublished'> {
  /** The client's address from the one source that the platform vouches for; undefined where that is silent. */
  readonly clientIp: (...request: Parameters<TargetOptions['clientIp']>) => string | undefined;
  /** The settings; looked at when the first request needs them. */
  readonly environment: Readonly<Record<string, unknown>>;
  /** Parts that take the place of the real ones. */
  readonly replacements?: Partial<Services>;
}

/** Hands the platform work that may outlive the answer. */
export type WaitUntil = (work: Promise<unknown>) => void;

export type Isolate = ReturnType<typeof createIsolate>;

/** The application with services of its own, made once. Opens nothing until a request needs it, and never throws. */
export function createIsolate({ environment, replacements, ...platform }: IsolateOptions) {
  let made: Services | undefined;
  const services = () => {
    made ??= createServices(platform.target, readConfig(environment), replacements);
    return made;
  };
  let isWarned = false;
  // Who has no address shares one count with all others who have none: a wrong setting that nothing else shows.
  const clientIp: TargetOptions['clientIp'] = (...request) => {
    const address = platform.clientIp(...request);
    if (address === undefined && !isWarned) {
      isWarned = true;
      services().log('warn', { event: 'client_address_missing', target: platform.target });
    }
    return address ?? 'unknown';
  };
  const webPage = readWebPageSettings(environment);
  const proxySecret = readProxySecret(environment);
  const app = createApp({ ...platform, clientIp, services, webPage: () => webPage, proxySecret });
  return {
    app,
    /** Answers a request; every failure is an answer. */
    fetch: (request: Request, waitUntil: WaitUntil): Response | Promise<Response> =>
      app.fetch(request, {}, { waitUntil, passThroughOnException() {}, props: {} }),
    /** The minute's work, for a scheduler of the platform. Rejects when it could not even begin. */
    async tick(waitUntil: WaitUntil): Promise<void> {
      await runTick(schedulerContext(services(), waitUntil));
      services().sharedCounts?.sendSoon(waitUntil);
    },
    /** Answers what is held and ends what streams, so that a process can stop at once. */
    close(): void {
      made?.waiting().wakeUps.close();
      made?.streams.endAll();
    },
    /** Sends what was counted last, for a process that ends before it would be. Never rejects. */
    async settle(): Promise<void> {
      await made?.sharedCounts?.send().catch(() => undefined);
    },
  };
}

/** The client's address from the one header that a platform sets itself, whatever the client sent. */
export const fromHeader =
  (name: string): IsolateOptions['clientIp'] =>
  (request) =>
    request.headers.get(name) ?? undefined;
