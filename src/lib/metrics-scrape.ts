// What Prometheus gets when it asks: the counts, the breakers, and gauges read from the database.
import { COMMIT, SCHEMA_VERSION, VERSION } from './build-info.ts';
import { CircuitState } from './circuit-breaker.ts';
import { familiesOf, type Labels, type MetricFamily } from './metrics.ts';
import { renderMetrics } from './metrics-text.ts';
import { callFunction, type RequestContext, today } from './request-context.ts';
import type { SharedState } from './shared-counts.ts';

/** Milliseconds the gauges may take: a scrape must not fail because the database does. */
const GAUGES_LIMIT = 1_000;

/** Milliseconds for which an isolate shows the same gauges again, however often it is asked. */
const GAUGES_LIFE = 2_000;

interface QueueGauges {
  readonly queues: readonly {
    readonly clinic: string;
    readonly waiting: number;
    readonly oldest_wait_seconds: number;
    readonly called_today: number;
    readonly completed_today: number;
  }[];
  readonly pins_missing: number;
  readonly last_tick: number;
}

/** The gauges an isolate read last, and when by `performance.now()`. */
export interface GaugeMemory {
  last?: { readonly gauges: QueueGauges; readonly at: number };
}

/** How bad a state is for who looks at many isolates. */
const WORST_FIRST = [CircuitState.OPEN, CircuitState.HALF_OPEN, CircuitState.CLOSED] as const;

/**
 * All series as text: the counts of every isolate of this target, or of this one alone while Redis does not answer.
 * These carry another label, since a counter that went back would look like a restart. Never fails because of a part.
 */
export async function scrapeMetrics(ctx: RequestContext): Promise<string> {
  const before = breakersOf(ctx);
  const [gauges] = await Promise.all([queueGauges(ctx), probeRedis(ctx)]);
  // After the gauges: what this scrape learned of the database is already in its own answer.
  const shared = await ctx.sharedCounts?.read().catch(() => undefined);
  const counts = familiesOf(shared?.counts ?? ctx.sharedCounts?.unshared ?? ctx.metrics.counts);
  const { target } = ctx;
  return (
    renderMetrics(counts, { target, ...(!shared && { scope: 'isolate' }) }) +
    renderMetrics(
      [
        // A probe that the gauges began and that has no answer yet is no recovery.
        breakerStates([breakersOf(ctx), ...(gauges ? [] : [before]), ...(shared?.breakers ?? [])]),
        gauge('metrics_shared', 'Whether the counts are those of all isolates.', [[{}, shared ? 1 : 0]]),
        gauge('build_info', 'What runs here.', [
          [{ version: VERSION, commit: COMMIT, schema_version: SCHEMA_VERSION }, 1],
        ]),
        ...queueFamilies(gauges),
      ],
      { target },
    )
  );
}

/** Undefined when the database does not answer in time. */
async function queueGauges(ctx: RequestContext): Promise<QueueGauges | undefined> {
  const { last } = ctx.gaugeMemory;
  if (last && performance.now() < last.at + GAUGES_LIFE) return last.gauges;
  try {
    const gauges = await Promise.race([
      callFunction<QueueGauges>(ctx, 'queue_gauges', { day: today(ctx).day }),
      rejectAfter(GAUGES_LIMIT),
    ]);
    ctx.gaugeMemory.last = { gauges, at: performance.now() };
    return gauges;
  } catch (error) {
    ctx.log('warn', {
      event: 'queue_gauges_unavailable',
      request_id: ctx.requestId,
      error: error instanceof Error ? error.name : typeof error,
    });
    return undefined;
  }
}

/** Where nobody else reads the cache, as at night, no other call would find that Redis is back and close its circuit. */
async function probeRedis({ redis }: RequestContext): Promise<void> {
  if (redis && redis.breaker.getState() !== CircuitState.CLOSED) await redis.ping().catch(() => {});
}

/** A signal's timer keeps no process alive, so there is none to clear. */
function rejectAfter(milliseconds: number): Promise<never> {
  const signal = AbortSignal.timeout(milliseconds);
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
}

/** The same on every target, whichever is asked. */
function queueFamilies(gauges: QueueGauges | undefined): MetricFamily[] {
  const perClinic = (
    name: string,
    help: string,
    field: Exclude<keyof QueueGauges['queues'][number], 'clinic'>,
  ) => gauge(name, help, gauges?.queues.map((queue) => [{ clinic: queue.clinic }, queue[field]]) ?? []);
  return [
    perClinic('queue_waiting', 'Patients who wait in a clinic today.', 'waiting'),
    perClinic(
      'queue_oldest_wait_seconds',
      'How long the first of them has waited; 0 when nobody waits.',
      'oldest_wait_seconds',
    ),
    perClinic('queue_called_today', 'Entries of today that were called.', 'called_today'),
    perClinic('queue_completed_today', 'Entries of today that are completed.', 'completed_today'),
    gauge(
      'queue_pins_missing',
      'Active clinics without a PIN of today.',
      gauges ? [[{}, gauges.pins_missing]] : [],
    ),
    gauge(
      'tick_last_run_timestamp_seconds',
      'When a tick last ended, on any target; 0 when none ever did.',
      gauges ? [[{}, gauges.last_tick]] : [],
    ),
  ];
}

/** This isolate's. A Redis that is not configured cannot fail: its breaker counts as closed. */
function breakersOf(ctx: RequestContext): readonly CircuitState[] {
  return [ctx.database, ctx.redis, { breaker: ctx.externalBreaker }].map(
    (part) => part?.breaker.getState() ?? CircuitState.CLOSED,
  );
}

function breakerStates(isolates: SharedState['breakers']): MetricFamily {
  return gauge(
    'circuit_breaker_state',
    'Circuit breakers: 1 for the worst state of any isolate, 0 for the others.',
    ['database', 'redis', 'external'].flatMap((service, index) => {
      const states = isolates.map((isolate) => isolate[index]);
      const worst = WORST_FIRST.find((state) => states.includes(state));
      return Object.values(CircuitState).map(
        (state) => [{ service, state }, state === worst ? 1 : 0] as const,
      );
    }),
  );
}

function gauge(name: string, help: string, samples: readonly (readonly [Labels, number])[]): MetricFamily {
  return { name, help, type: 'gauge', samples: samples.map(([labels, value]) => ({ labels, value })) };
}
