// Does a target work on the database of this command? A schema of the same name can be anybody's: a staging copy would
// pass every other check and take the patients to empty lines.
import type { RunBatch } from '../drizzle/migrator.ts';
import { SYNTHETIC_PATIENT } from './smoke/queue-checks.ts';
import type { DeployedTarget } from './targets.ts';

const TIMEOUT_MS = 10_000;

/**
 * Writes a token that nobody can use, asks the target to note a device behind it, and looks whether it stands here;
 * resolves to why it does not, for a person, or to undefined. The row is gone afterwards. Throws what the database throws.
 */
export async function databaseMisfit(
  { name, url }: DeployedTarget,
  runBatch: RunBatch,
): Promise<string | undefined> {
  const token = `switch-${crypto.randomUUID()}`;
  // Expired, and of a day that no count looks at.
  const values = `values ($1, $2, '1970-01-01', now())`;
  await runBatch([
    {
      query: `insert into qr_sessions (token, patient_id, service_day, expires_at) ${values}`,
      params: [token, SYNTHETIC_PATIENT],
    },
  ]);
  let status: number | undefined;
  let device: unknown;
  try {
    status = await noteDevice(url, token);
  } finally {
    const query = 'delete from qr_sessions where token = $1 returning device';
    const [removed = []] = await runBatch([{ query, params: [token] }]);
    device = removed[0]?.device;
  }
  if (device !== null && device !== undefined) return undefined;
  return status === 404
    ? `${name} works on another database than DATABASE_URL`
    : `${name} did not show which database it works on: ${status === undefined ? 'no answer' : `answered ${status}`}`;
}

async function noteDevice(url: string, token: string): Promise<number | undefined> {
  try {
    const answer = await fetch(`${url}/api/session/device`, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ token, device: 'Desktop' }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await answer.body?.cancel();
    return answer.status;
  } catch {
    return undefined;
  }
}
