/** PINs under guesses over HTTP: three instances at once on a real Postgres, with Redis and without. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  type Isolate,
  type LimitedService,
  openLimitedService,
} from '../support/limited-service.ts';
import { soak, volume } from '../support/volume.ts';

let service: LimitedService;
let isolates: readonly Isolate[];
beforeAll(async () => {
  service = await openLimitedService({ settings: { RATE_LIMITS: '{"write":1000000}' } });
  isolates = [service.isolate(), service.isolate(), service.isolate()];
});
afterAll(() => service?.stop());

const CLINICS = ['lab', 'xray', 'vitals', 'ecg', 'audio', 'eyes', 'internal', 'ent', 'surgery', 'dental'];
const WRONG_A_MINUTE = 5;
const GUESSES_AT_ONCE = 30;
const PATIENTS = volume(100);

let people = 0;

/** An isolate and an address of its own for each request. */
function post(path: string, json: object, index: number): Promise<Answer> {
  const isolate = isolates[index % isolates.length];
  if (!isolate) throw new Error('no isolate');
  return isolate.send('POST', path, { json, ip: `198.51.100.${index % 250}.${people}` });
}

/** All values from 10 to 99, beginning somewhere: at most one of them is right. */
const guess = (index: number) => String(10 + (index % 90));

async function guesses(clinic: string, user: string, from: number): Promise<string[]> {
  const answers = await Promise.all(
    Array.from({ length: GUESSES_AT_ONCE }, (_, index) => {
      const path = index % 2 === 0 ? '/api/v1/queue/done' : '/api/v1/clinic/exit';
      return post(path, { clinic, user, pin: guess(from + index) }, index);
    }),
  );
  return answers.map(({ status, body }) => (status === 200 ? 'DONE' : String(body.code)));
}

describe.each(['with Redis', 'without Redis'])('%s', (how) => {
  it(`at most ${WRONG_A_MINUTE} wrong PINs of a patient in a clinic are looked at in a minute`, async () => {
    await (how === 'with Redis' ? service.redisProxy.restore() : service.redisProxy.down());
    let tried = 0;
    let right = 0;
    for (let patient = 0; patient < PATIENTS; patient += 1) {
      people += 1;
      const clinic = CLINICS[patient % CLINICS.length] ?? 'lab';
      const user = `guesser-${people}`;
      expect((await post('/api/v1/route/create', { user, stations: [clinic] }, 0)).status).toBe(200);
      expect((await post('/api/v1/queue/enter', { clinic, user }, 0)).status).toBe(200);
      const outcomes = await guesses(clinic, user, 7 * patient);
      tried += outcomes.length;
      const wrong = outcomes.filter((outcome) => outcome === 'WRONG_PIN').length;
      const isOut = outcomes.includes('DONE');
      right += isOut ? 1 : 0;
      // A right PIN clears the count, so who hit it has up to five wrong ones before it and five after.
      expect(wrong).toBeLessThanOrEqual(isOut ? 2 * WRONG_A_MINUTE : WRONG_A_MINUTE);
      // Who did not happen to hit the right one is locked, and stays so: the right PIN is not looked at either.
      if (!isOut) {
        expect(wrong).toBe(WRONG_A_MINUTE);
        expect(outcomes.filter((outcome) => outcome === 'PIN_LOCKED')).toHaveLength(GUESSES_AT_ONCE - wrong);
      }
    }
    console.log(
      `${how}: ${tried} guesses of ${PATIENTS} patients on three instances at once, ${right} right ones`,
    );
  }, 300_000);

  it.runIf(soak)(
    'and so minute after minute, to fifteen a day',
    async () => {
      people += 1;
      const user = `stubborn-${people}`;
      await post('/api/v1/queue/enter', { clinic: 'bones', user }, 0);
      const looked: number[] = [];
      for (let minute = 0; minute < 4; minute += 1) {
        const outcomes = await Promise.all(
          Array.from({ length: GUESSES_AT_ONCE }, (_, index) =>
            post('/api/v1/queue/done', { clinic: 'bones', user, pin: 'no' }, index),
          ),
        );
        looked.push(outcomes.filter(({ body }) => body.code === 'WRONG_PIN').length);
        await new Promise((wake) => setTimeout(wake, 60_500));
      }
      expect(looked).toEqual([5, 5, 5, 0]);
    },
    600_000,
  );
});
