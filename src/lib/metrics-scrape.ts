// What Prometheus gets when it asks: the counts of this isolate, the breakers, and gauges read from the database.
import { CircuitState } from './circuit-breaker.ts';
import type { MetricFamily } from './metrics.ts';
import { renderMetrics } from './metrics-text.ts';
import { callFunction, type RequestContext, today } from './request-context.ts';

/** Milliseconds the gauges may take: a scrape must not fail because the database does. */
const GAUGES_LIMIT = 1_000;

interface QueueGauges {
  readonly queues: readonly {
    readonly clinic: string;
    readonly waiting: number;
    readonly oldest_wait_seconds: number;
  }[];
}

/** All series as text. Never fails because of the database: its gauges have no samples then. */
export async function scrapeMetrics(ctx: RequestContext): Promise<string> {
  const { queues } = await queueGauges(ctx);
  // After the gauges: what this scrape learned of the database is already in its own answer.
  const families = [...ctx.metrics.families(), breakerStates(ctx), ...queueFamilies(queues)];
  return renderMetrics(families, { target: ctx.target });
}

async function queueGauges(ctx: RequestContext): Promise<QueueGauges> {
  try {
    return await Promise.race([
      callFunction<QueueGauges>(ctx, 'queue_gauges', { day: today(ctx).day }),
      rejectAfter(GAUGES_LIMIT),
    ]);
  } catch (error) {
    ctx.log('warn', {
      event: 'queue_gauges_unavailable',
      request_id: ctx.requestId,
      error: error instanceof Error ? error.name : typeof error,
    });
    return { queues: [] };
  }
}

/** A signal's timer keeps no process alive, so there is none to clear. */
function rejectAfter(milliseconds: number): Promise<never> {
  const signal = AbortSignal.timeout(milliseconds);
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
}

function queueFamilies(queues: QueueGauges['queues']): MetricFamily[] {
  return [
    {
      name: 'queue_waiting',
      help: 'Patients who wait in a clinic today. The same on every target.',
      type: 'gauge',
      samples: queues.map(({ clinic, waiting }) => ({ labels: { clinic }, value: waiting })),
    },
    {
      name: 'queue_oldest_wait_seconds',
      help: 'How long the first of them has waited; 0 when nobody waits. The same on every target.',
      type: 'gauge',
      samples: queues.map((queue) => ({
        labels: { clinic: queue.clinic },
        value: queue.oldest_wait_seconds,
      })),
    },
  ];
}

/** A Redis that is not configured cannot fail: its breaker counts as closed. */
function breakerStates({ database, redis, externalBreaker }: RequestContext): MetricFamily {
  const states = {
    database: database.breaker.getState(),
    redis: redis?.breaker.getState() ?? CircuitState.CLOSED,
    external: externalBreaker.getState(),
  };
  return {
    name: 'circuit_breaker_state',
    help: 'The state of each circuit breaker of this isolate: 1 for the state it is in, 0 for the others.',
    type: 'gauge',
    samples: Object.entries(states).flatMap(([service, current]) =>
      Object.values(CircuitState).map((state) => ({
        labels: { service, state },
        value: state === current ? 1 : 0,
      })),
    ),
  };
}
