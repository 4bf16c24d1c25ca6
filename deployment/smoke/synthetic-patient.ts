// The one row that a smoke run writes, removed through the database: the API deletes nobody.
import { openCommandDatabase } from '../../local/command-database.ts';
import { SYNTHETIC_PATIENT } from './queue-checks.ts';

/** Deletes the reserved patient if this session is still its newest; resolves to the number of rows. */
export async function removeSyntheticPatient(
  session: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const { runBatch, close } = await openCommandDatabase(environment, '.data');
  try {
    const query = 'delete from patients where patient_id = $1 and session_id = $2 returning 1 as gone';
    const [removed = []] = await runBatch([{ query, params: [SYNTHETIC_PATIENT, session] }]);
    return removed.length;
  } finally {
    await close();
  }
}
