// The patient's phone in the waiting room: asks for the place again as soon as it has an answer, with the tag of the
// kept one, as a browser does by itself. The server holds the request, so this is no busy loop.

import type { BodyOf } from './contract.ts';
import type { Day } from './day.ts';
import type { Visit } from './ledger.ts';
import { pause } from './pause.ts';

const TRIES = 5;
/** A server that does not hold must not be asked in a tight loop. */
const LEAST_INTERVAL_MS = 300;

type Position = BodyOf<'queue/position'>;

/** What the contract says about the fields of one position, apart from their types. */
function problemOf(position: Position, etag: string | undefined): string | undefined {
  const { number, status, display_number: display, ahead } = position;
  const expected = new RegExp(`^"\\d{4}-\\d{2}-\\d{2}\\.${number}\\.${status}\\.${display}\\.${ahead}"$`);
  if (etag === undefined || !expected.test(etag)) return 'the ETag does not match the body';
  if (position.position !== display) return 'position and display_number differ';
  const inLine = status === 'WAITING' || status === 'NEXT';
  if (inLine && display !== ahead + 1) return 'display_number is not ahead + 1';
  if (inLine && (status === 'NEXT') !== (ahead === 0)) return 'NEXT does not mean that nobody is ahead';
  if (!inLine && ahead !== 0) return 'somebody is ahead of a patient who does not wait';
  return undefined;
}

/** Watches the screen until it says CALLED. False when the screen stayed broken. */
export async function waitUntilCalled(visit: Visit, station: string, day: Day): Promise<boolean> {
  const { api, ledger, signal } = day;
  let kept: { etag: string; ahead: number } | undefined;
  for (let failures = 0; failures < TRIES; ) {
    const asked = performance.now();
    if (kept !== undefined) ledger.tried('held positions');
    const outcome = await api.position(station, visit.clinic, visit.user, kept?.etag);
    if (outcome.kind === 'failed' || outcome.kind === 'refused') {
      failures += 1;
      kept = undefined;
      await pause(500 * failures, signal);
      continue;
    }
    failures = 0;
    if (outcome.kind === 'ok') {
      const { body, etag } = outcome;
      visit.numbers.add(body.number);
      const problem = problemOf(body, etag);
      if (problem !== undefined) ledger.breach('queue/position', problem);
      if (body.status === 'CALLED' || body.status === 'IN_SERVICE') {
        ledger.sawCall(visit, outcome.answeredAt);
        return true;
      }
      if (body.status === 'DONE') {
        ledger.breach('queue/position', 'DONE for a patient who has not left');
        return true;
      }
      if (kept !== undefined && body.ahead > kept.ahead) visit.stepsBack += 1;
      if (kept !== undefined && etag === kept.etag)
        ledger.breach('queue/position', '200 with the ETag that was sent');
      else if (etag !== undefined) kept = { etag, ahead: body.ahead };
    }
    const unchanged = outcome.kind === 'unchanged' || kept === undefined;
    const rest = LEAST_INTERVAL_MS - (performance.now() - asked);
    if (unchanged && rest > 0) await pause(rest, signal);
  }
  return false;
}
