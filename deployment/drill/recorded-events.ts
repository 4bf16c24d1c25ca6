// The events as the database has them: what every stream is held against, whatever the streams have in common.
import { neon } from '@neondatabase/serverless';

/** Named frames that a stream of a clinic gets (contract, 3.1). */
const OF_CLINICS = ['ENTERED', 'CALLED', 'COMPLETED', 'CANCELLED', 'NO_SHOW'];

interface Row {
  readonly clinic: string;
  readonly id: string;
}

/** The ids of all of them by clinic, in the order of the cursor. The database's own client must know the address already. */
export async function readEvents(databaseUrl: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const rows = (await neon(databaseUrl).query(
    `select clinic_code as clinic, xid::text || '-' || seq as id from events
      where event_type = any ($1) order by xid, seq`,
    [OF_CLINICS],
  )) as Row[];
  const clinics = new Set(rows.map(({ clinic }) => clinic));
  return new Map(
    [...clinics].map((clinic) => [clinic, rows.filter((row) => row.clinic === clinic).map(({ id }) => id)]),
  );
}
