/** The previous backend's data: every line of an untidy export is taken over or accounted for, once. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunBatch } from '../../drizzle/migrator.ts';
import { driverBatch } from '../../local/driver-batch.ts';
import { openPgDriver } from '../../local/pg-driver.ts';
import { readExport } from '../../local/previous-data/export-file.ts';
import { type ImportReport, importPrevious } from '../../local/previous-data/import-previous.ts';
import type { SqlDriver } from '../../local/sql-driver.ts';
import { previousExport, SECRET_OF_STAFF } from '../support/previous-export.ts';
import { runCommand } from '../support/project-command.ts';
import { openMigratedDatabase, type SqlDatabase } from '../support/sql-database.ts';
import { contents } from '../support/sql-inventory.ts';
import { testSeed } from '../support/sql-random.ts';
import { report } from '../support/sql-report.ts';

const DAY = new Intl.DateTimeFormat('en-CA', { timeZone: 'Asia/Qatar' }).format(new Date());
const NOON = new Date(`${DAY}T12:00:00+03:00`);
const SEED = testSeed();

interface Opened {
  readonly db: SqlDatabase;
  readonly runBatch: RunBatch;
}

const databases: { db: SqlDatabase; driver: SqlDriver }[] = [];

async function openDatabase(): Promise<Opened> {
  const db = await openMigratedDatabase(4);
  const driver = openPgDriver({ connectionString: db.url, poolSize: 2 });
  databases.push({ db, driver });
  return { db, runBatch: driverBatch(driver) };
}

const importText = ({ runBatch }: Opened, text: string, dryRun = false): Promise<ImportReport> =>
  importPrevious({ runBatch, file: readExport(text), now: NOON, dryRun });

const line = (key: string, value: unknown) => JSON.stringify({ key, value });

afterAll(async () => {
  for (const { db, driver } of databases) {
    await driver.close();
    await db.remove();
  }
});

describe('an export of 2,000 lines', () => {
  const source = previousExport(SEED, 2_000, NOON);
  let opened: Opened;
  let dry: ImportReport;
  let done: ImportReport;
  let untouched: Awaited<ReturnType<typeof contents>>;

  beforeAll(async () => {
    opened = await openDatabase();
    untouched = await contents(opened.db.rows);
    dry = await importText(opened, source.text, true);
    expect(await contents(opened.db.rows)).toEqual(untouched);
    done = await importText(opened, source.text);
    report(`lines of a previous backend imported, ${done.parts.entries.added} entries`, source.lines, SEED);
  });

  it('is worked out by a dry run as the import then does it', () => {
    const added = ({ parts }: ImportReport) =>
      Object.entries(parts).map(([name, part]) => [name, part.read, part.added]);
    expect(added(dry)).toEqual(added(done));
    expect(dry.rejected).toEqual(done.rejected);
  });

  it('loses nothing: every unreadable line is rejected with its reason, everything else has its row', () => {
    expect(done.rejected).toHaveLength(source.unreadable);
    expect(done.fates.rejected).toBe(source.unreadable);
    const { imported, present, skipped, rejected } = done.fates;
    expect([present, imported + skipped + rejected]).toEqual([0, source.lines]);
    expect(done.rejected.every(({ reason }) => reason !== '')).toBe(true);
    expect(done.parts.routes.added).toBe(source.routes);
    expect(done.parts.patients.added).toBe(source.patients);
    expect(done.parts.entries.added).toBe(done.parts.entries.read);
  });

  it('brings each visit of today to the right clinic, whatever that was called', async () => {
    const rows = await opened.db.rows<{ clinic: string; user: string }>(
      `select clinic_code as clinic, patient_id as user from queues where service_day = $1`,
      [DAY],
    );
    const found = new Set(rows.map(({ clinic, user }) => `${clinic} ${user}`));
    expect(source.today.filter(({ clinic, user }) => !found.has(`${clinic} ${user}`))).toEqual([]);
    expect(rows).toHaveLength(source.today.length);
  });

  it('keeps numbers, and repairs those that two patients had', async () => {
    const rows = await opened.db.rows<{ clinic: string; user: string; number: number }>(
      `select clinic_code as clinic, patient_id as user, queue_number as number from queues where service_day = $1`,
      [DAY],
    );
    const numbers = new Map(rows.map(({ clinic, user, number }) => [`${clinic} ${user}`, number]));
    const claimed = new Set(source.today.map(({ clinic, number }) => `${clinic} ${number}`));
    const kept = source.today.filter(
      ({ clinic, user, number }) => numbers.get(`${clinic} ${user}`) === number,
    );
    expect(kept).toHaveLength(claimed.size);
    expect(source.today.length).toBeGreaterThan(claimed.size);
    expect(
      await opened.db.value(
        `select count(*)::int from queue_counters k where k.version = 0 or k.last_number <> (
           select max(q.queue_number) from queues q
           where q.clinic_code = k.clinic_code and q.service_day = k.service_day)
         and exists (select 1 from queues q where q.clinic_code = k.clinic_code and q.service_day = k.service_day)`,
      ),
    ).toBe(0);
  });

  it('closes what is open from earlier days, and nothing of today', async () => {
    const states = await opened.db.rows<{ today: boolean; status: string }>(
      `select distinct service_day = $1 as today, status from queues order by 1, 2`,
      [DAY],
    );
    expect(states.filter(({ today }) => !today).map(({ status }) => status)).toEqual([
      'CANCELLED',
      'COMPLETED',
    ]);
    expect(states.filter(({ today }) => today).map(({ status }) => status)).toEqual([
      'CALLED',
      'COMPLETED',
      'IN_PROGRESS',
      'WAITING',
    ]);
  });

  it('takes over the PINs of today, different in every clinic, and none of another day', async () => {
    const pins = await opened.db.rows<{ clinic: string; pin: string }>(
      `select clinic_code as clinic, pin from pins where is_active and service_day = $1`,
      [DAY],
    );
    const of = new Map(pins.map(({ clinic, pin }) => [clinic, pin]));
    expect(of.size).toBe(13);
    expect(new Set(of.values()).size).toBe(13);
    expect([of.get('lab'), of.get('xray'), of.get('internal'), of.get('eyes')]).toEqual([
      '41',
      '42',
      '57',
      '58',
    ]);
    expect(of.get('vitals')).not.toBe('41');
    expect(await opened.db.value(`select count(*)::int from pins where service_day <> $1`, [DAY])).toBe(0);
  });

  it('builds routes with exactly one station open, in the order of the previous route', async () => {
    const odd = await opened.db.rows(
      `select route_id from routes r where r.status = 'active' and (
         r.current_clinic is null or (
           select count(*) from jsonb_array_elements(r.clinics) as s where s.value ->> 'status' = 'ready') <> 1)`,
    );
    expect(odd).toEqual([]);
    expect(
      await opened.db.value(
        `select count(*)::int from routes where clinics -> -1 ->> 'clinic' <> 'derma' or clinics -> -2 ->> 'clinic' <> 'ent'`,
      ),
    ).toBe(0);
  });

  it('copies the password of staff nowhere', async () => {
    expect(JSON.stringify([done, await contents(opened.db.rows)])).not.toContain(SECRET_OF_STAFF);
    expect(await opened.db.value('select count(*)::int from admins')).toBe(0);
  });

  it('changes nothing when it is repeated, also after the day went on', async () => {
    const next = await opened.db.call('enter_queue', {
      clinic: 'lab',
      user: 'after-import',
      day: DAY,
      now: NOON,
    });
    const last = await opened.db.value(
      `select max(queue_number) from queues where clinic_code = 'lab' and service_day = $1 and patient_id <> 'after-import'`,
      [DAY],
    );
    expect(next.number).toBe(Number(last) + 1);
    await opened.db.call('call_next_patient', { clinic: 'lab', day: DAY, now: NOON, capacity: 100 });
    const before = await contents(opened.db.rows);
    const again = await importText(opened, source.text);
    expect(Object.values(again.parts).map(({ added, changed }) => added + changed)).toEqual([0, 0, 0, 0, 0]);
    expect(await contents(opened.db.rows)).toEqual(before);
  });
});

describe('into a line that is in use', () => {
  it('the patients who are there keep their numbers, and nobody has two places', async () => {
    const opened = await openDatabase();
    const { db } = opened;
    for (const user of ['here-1', 'here-2']) {
      await db.call('enter_queue', { clinic: 'lab', user, day: DAY, now: NOON });
    }
    const entered_at = NOON.toISOString();
    const text = [
      line('queue:user:lab:came-1', { number: 1, status: 'WAITING', entered_at }),
      line('queue:user:LAB:here-2', { number: 5, status: 'WAITING', entered_at }),
    ].join('\n');
    await importText(opened, text);
    expect(
      await db.rows(`select patient_id, queue_number, status from queues order by patient_id, queue_number`),
    ).toEqual([
      { patient_id: 'came-1', queue_number: 6, status: 'WAITING' },
      { patient_id: 'here-1', queue_number: 1, status: 'WAITING' },
      { patient_id: 'here-2', queue_number: 2, status: 'WAITING' },
      { patient_id: 'here-2', queue_number: 5, status: 'CANCELLED' },
    ]);
  });

  it('a PIN that staff changed after the import stays changed', async () => {
    const opened = await openDatabase();
    const text = line(`pins:daily:${DAY}`, { lab: '77' });
    await importText(opened, text);
    const pin = `select pin from pins where clinic_code = 'lab' and is_active and service_day = '${DAY}'`;
    expect(await opened.db.value(pin)).toBe('77');
    await opened.db.call('generate_daily_pins', {
      day: DAY,
      day_end: NOON.toISOString(),
      clinic: 'lab',
      rotate: true,
    });
    const rotated = await opened.db.value(pin);
    await importText(opened, text);
    expect(await opened.db.value(pin)).toBe(rotated);
  });
});

describe('the form of the file', () => {
  const interval = ['queue:interval:ent', { interval_minutes: 10 }] as const;
  it.each([
    ['JSON lines', `${line(...interval)}\n`],
    ['JSON lines with values as texts', line(interval[0], JSON.stringify(interval[1]))],
    ['an array of entries', `[${line(...interval)}]`],
    ['one object of keys and values', JSON.stringify(Object.fromEntries([interval]), null, 2)],
    ['a file that begins with a byte order mark', `\uFEFF${line(...interval)}`],
  ])('%s is read', (_form, text) => {
    expect(readExport(text)).toEqual({
      entries: [{ key: interval[0], value: interval[1], line: 1 }],
      unreadable: [],
    });
  });
});

describe('npm run import', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mmc-import-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('reports, shows how far it is, and puts what it could not read beside the file', async () => {
    const { db } = await openDatabase();
    const path = join(folder, 'export.jsonl');
    await writeFile(
      path,
      [line('patient:s-1', { patientId: '123456', gender: 'M', loginTime: NOON }), '{broken', ''].join('\n'),
    );
    const run = (...flags: string[]) => runCommand(['import', path, ...flags], { DATABASE_URL: db.url });
    const dry = await run('--dry-run', '--json');
    expect(dry.code, dry.errors).toBe(0);
    expect(JSON.parse(dry.output)).toMatchObject({
      dryRun: true,
      rejected: 1,
      fates: { imported: 1, present: 0, skipped: 0, rejected: 1 },
      parts: { patients: { added: 1 } },
    });
    expect(await db.value('select count(*)::int from patients')).toBe(0);

    const real = await run();
    expect([real.code, real.errors]).toEqual([0, '1/1\n']);
    expect(real.output).toContain('1 could not be taken over as they are');
    expect(await db.value('select count(*)::int from patients')).toBe(1);
    expect(await readdir(folder)).toContain('export.jsonl.rejected.jsonl');
    const rejected = await readFile(`${path}.rejected.jsonl`, 'utf8');
    expect(JSON.parse(rejected)).toEqual({ reason: 'no JSON', line: 2 });
  });
});
