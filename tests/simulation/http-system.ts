/** The whole application over HTTP, with its cache: what callers are told, and what everybody sees. */
import { randomUUID } from 'node:crypto';
import type { Fields, NetworkedService } from '../support/simulated-service.ts';
import type { CommitteeModel, Outcome } from './committee-model.ts';
import { OBSERVED_ROWS, TABLES, Versions } from './observed-rows.ts';
import type { System } from './play.ts';
import { CLINICS, type Step } from './steps.ts';

/** Before a token's eight hours are over. */
const LOGIN_AGAIN = 7 * 3_600_000;

interface Session {
  readonly token: string;
  readonly since: number;
}

/** On a service that is asked over sockets, whose way to Redis breaks and whose answers get lost. */
export function httpSystem(service: NetworkedService): System {
  const { network } = service;
  const versions = new Versions();
  let isRedisAway = false;
  let session: Session | undefined;

  async function tokenAt(now: Date): Promise<string> {
    if (!session || now.getTime() - session.since > LOGIN_AGAIN) {
      session = { token: await service.login(), since: now.getTime() };
    }
    return session.token;
  }

  async function forgetCache(): Promise<void> {
    const { redisUrl, redisToken } = service.cloud;
    const answer = await fetch(redisUrl, {
      method: 'POST',
      headers: { Authorization: `Bearer ${redisToken}` },
      body: JSON.stringify(['FLUSHALL']),
    });
    if (!answer.ok) throw new Error(await answer.text());
  }

  /** Redis comes back as it does after its own restart: empty. */
  async function bringRedisBack(): Promise<void> {
    if (!isRedisAway) return;
    await network.redis.restore();
    await forgetCache();
    // Instead of its half minute.
    service.services.redis?.breaker.reset();
    isRedisAway = false;
  }

  async function pinOf(clinic: string, token: string): Promise<string> {
    const { body } = await service.send('GET', `/api/v1/pin/status?clinic=${clinic}`, { token });
    return String(body.currentPin);
  }

  async function requestOf(step: Action, token: string): Promise<[path: string, json: object]> {
    switch (step.does) {
      case 'enter':
        return ['/api/v1/queue/enter', { clinic: step.clinic, user: step.user }];
      case 'call':
        return ['/api/v1/queue/call', { clinic: step.clinic }];
      case 'leave': {
        const pin = step.by === 'right pin' ? await pinOf(step.clinic, token) : 'no';
        return ['/api/v1/queue/done', { clinic: step.clinic, user: step.user, pin }];
      }
      default:
        throw new Error(`not in the repertoire: ${step.does}`);
    }
  }

  return {
    repertoire: {
      staff: false,
      priorities: false,
      mishaps: ['repeated', 'unheard', 'without Redis'],
      cache: true,
    },
    model: { oneAddress: true },
    async reset() {
      session = undefined;
      versions.forget();
      await bringRedisBack();
      await service.rows(`truncate ${TABLES}`);
      await forgetCache();
    },
    async perform(step: Step, model: CommitteeModel): Promise<Outcome> {
      await bringRedisBack();
      service.setTime(model.now.toISOString());
      if (step.does === 'wait') return 'done';
      if (step.does === 'forget cache') {
        await forgetCache();
        return 'done';
      }
      const token = await tokenAt(model.now);
      if (step.does === 'tick') {
        const { status } = await service.send('POST', '/api/system/tick', { token, json: {} });
        return status === 200 ? 'done' : `answered ${status}`;
      }
      const [path, json] = await requestOf(step, token);
      const options = {
        json,
        ...(step.does === 'call' && { token }),
        headers: { 'Idempotency-Key': randomUUID() },
      };
      if (step.mishap === 'without Redis') {
        await network.redis.down();
        isRedisAway = true;
      }
      if (step.mishap === 'unheard') await network.sendUnheard('POST', path, options);
      const { body } = await service.send('POST', path, options);
      if (step.mishap === 'repeated') {
        const { body: again } = await service.send('POST', path, options);
        // A lock is not kept, so only its time of answer may differ.
        if (body.code !== 'PIN_LOCKED' && JSON.stringify(again) !== JSON.stringify(body)) {
          throw new Error(`repeated: ${JSON.stringify(again)} instead of ${JSON.stringify(body)}`);
        }
      }
      return outcomeOf(step, body);
    },
    async observe() {
      const lines = await Promise.all(
        CLINICS.map(async (clinic) => {
          const { body } = await service.send<Line>('GET', `/api/v1/queue/status?clinic=${clinic}`);
          const waiting = body.waiting.map(({ ticket }) => ticket).join(',');
          return `${clinic}: ${waiting} inside ${body.in_service} done ${body.completed}`;
        }),
      );
      // Unless it was taken away, the cache was there for all of this.
      if (!isRedisAway && service.services.redis?.breaker.getState() !== 'CLOSED') lines.push('Redis failed');
      const found = await service.rows(OBSERVED_ROWS);
      return [...lines, ...versions.check(found.map(({ row }) => String(row)))];
    },
    expected: (model) => [...CLINICS.map((clinic) => `${clinic}: ${model.line(clinic)}`), ...model.rows()],
  };
}

type Action = Exclude<Step, { does: 'tick' | 'wait' | 'forget cache' }>;

interface Line {
  readonly waiting: readonly { readonly ticket: number }[];
  readonly in_service: number;
  readonly completed: number;
}

function outcomeOf({ does }: Action, body: Fields): Outcome {
  if (body.success !== true) return String(body.code);
  if (does === 'call') {
    return `called ${String(body.number)} ${String(body.user)}, ${String(body.waiting)} wait`;
  }
  if (does === 'leave') return `left ${String(body.number)}, ${String(body.remaining_in_queue)} wait`;
  return body.entry_status === 'ENTERED'
    ? `ENTERED ${String(body.number)} at place ${String(body.position)}`
    : `ALREADY_IN_QUEUE ${String(body.number)}`;
}
