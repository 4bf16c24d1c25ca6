// Does a target work on the database of this command, and with the secret of the target before it? A schema of the same
// name can be anybody's: a staging copy would pass every other check and take the patients to empty lines. And under
// another JWT_SECRET all staff are logged out, and what is sent again at a failover is done again.
import type { RunBatch } from '../drizzle/migrator.ts';
import { IDEMPOTENCY_KEY } from '../src/lib/idempotent-request.ts';
import { SYNTHETIC_PATIENT } from './smoke/queue-checks.ts';
import type { DeployedTarget } from './targets.ts';

const TIMEOUT_MS = 10_000;

/**
 * Writes a token that nobody can use, asks the target to note a device behind it, and looks whether it stands here; then
 * asks `active`, if it answers, the same again, which must know it for a repetition. Resolves to what is wrong, for a
 * person, or to undefined. The token is gone afterwards, the key with the ticks of a day. Throws what the database throws.
 */
export async function databaseMisfit(
  { name, url }: DeployedTarget,
  active: DeployedTarget | undefined,
  runBatch: RunBatch,
): Promise<string | undefined> {
  const token = `switch-${crypto.randomUUID()}`;
  const key = crypto.randomUUID();
  // Expired, and of a day that no count looks at.
  const values = `values ($1, $2, '1970-01-01', now())`;
  await runBatch([
    {
      query: `insert into qr_sessions (token, patient_id, service_day, expires_at) ${values}`,
      params: [token, SYNTHETIC_PATIENT],
    },
  ]);
  let first: Noted;
  let again: Noted;
  let device: unknown;
  try {
    first = await noteDevice(url, token, key);
    // Only then: it would note the device itself, where a target on another database could not.
    if (active && first?.status === 200) again = await noteDevice(active.url, token, key);
  } finally {
    const query = 'delete from qr_sessions where token = $1 returning device';
    const [removed = []] = await runBatch([{ query, params: [token] }]);
    device = removed[0]?.device;
  }
  if (device === null || device === undefined) {
    return first?.status === 404
      ? `${name} works on another database than DATABASE_URL`
      : `${name} did not show which database it works on: ${first ? `answered ${first.status}` : 'no answer'}`;
  }
  return again?.status === 200 && !again.isRepetition
    ? `${name} has another JWT_SECRET than ${active?.name}: all staff would be logged out, and repeated requests done twice`
    : undefined;
}

type Noted = { readonly status: number; readonly isRepetition: boolean } | undefined;

async function noteDevice(url: string, token: string, key: string): Promise<Noted> {
  try {
    const answer = await fetch(`${url}/api/session/device`, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'Content-Type': 'application/json', [IDEMPOTENCY_KEY]: key },
      // A key belongs to a session, or else to an address, which two platforms may see differently.
      body: JSON.stringify({ token, device: 'Desktop', user: key }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await answer.body?.cancel();
    return { status: answer.status, isRepetition: answer.headers.has('Idempotency-Replayed') };
  } catch {
    return undefined;
  }
}
