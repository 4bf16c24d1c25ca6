/**
 * The account of an import: whatever the file holds and wherever the import ends, each key is imported, here already,
 * left out on purpose, or in the file of rejected entries; and no password or PIN is shown. TEST_SEED repeats the exports.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { driverBatch } from '../../local/driver-batch.ts';
import { openPgDriver } from '../../local/pg-driver.ts';
import { readExport } from '../../local/previous-data/export-file.ts';
import {
  type ImportOptions,
  type ImportReport,
  importPrevious,
} from '../../local/previous-data/import-previous.ts';
import { FORGOTTEN, Ledger, type Rejected } from '../../local/previous-data/ledger.ts';
import { timeReader } from '../../local/previous-data/previous-times.ts';
import { NOT_COPIED } from '../../local/previous-data/without-secrets.ts';
import type { SqlDriver } from '../../local/sql-driver.ts';
import { oddExport, PLANTED_PASSWORD, PLANTED_PIN } from '../support/odd-export.ts';
import { runCommand, startCommand } from '../support/project-command.ts';
import { openMigratedDatabase, type SqlDatabase } from '../support/sql-database.ts';
import { contents } from '../support/sql-inventory.ts';
import { testSeed } from '../support/sql-random.ts';
import { report, times } from '../support/sql-report.ts';
import { until } from '../support/until.ts';
import { volume } from '../support/volume.ts';

const DAY = new Intl.DateTimeFormat('en-CA', { timeZone: 'Asia/Qatar' }).format(new Date());
const NOON = new Date(`${DAY}T12:00:00+03:00`);
const at = (minutesAgo: number) => new Date(NOON.getTime() - minutesAgo * 60_000).toISOString();

const line = (key: string, value: unknown) => JSON.stringify({ key, value });
const FATES = ['imported', 'present', 'skipped', 'rejected'] as const;
const sum = (counts: object) => Object.values(counts).reduce((all: number, each: number) => all + each, 0);

type Options = Pick<ImportOptions, 'dryRun' | 'signal' | 'onProgress'>;

interface Opened {
  readonly db: SqlDatabase;
  readonly importContent: (content: string | Uint8Array, options?: Options) => Promise<ImportReport>;
}

const drivers: SqlDriver[] = [];
const databases: SqlDatabase[] = [];

async function openDatabase(): Promise<Opened> {
  const opened = await openMigratedDatabase(4);
  const driver = openPgDriver({ connectionString: opened.url, poolSize: 2 });
  databases.push(opened);
  drivers.push(driver);
  const runBatch = driverBatch(driver);
  return {
    db: opened,
    importContent: (content, options) =>
      importPrevious({ runBatch, file: readExport(content), now: NOON, ...options }),
  };
}

/** The database of every test but the one with random exports, each of which has clinics and patients of its own. */
let db: SqlDatabase;
let importContent: Opened['importContent'];

beforeAll(async () => {
  ({ db, importContent } = await openDatabase());
});

afterAll(async () => {
  for (const driver of drivers) await driver.close();
  for (const database of databases) await database.remove();
});

const importLines = (...lines: readonly string[]) => importContent(lines.join('\n'));

/** Clinics get random PINs besides the imported ones: without this, one of them can be what a test imports. */
const forgetPins = () => db.pool.query('delete from pins');

const reasons = ({ rejected }: ImportReport) => rejected.map(({ key, reason }) => [key, reason]);

/** The four ways add up, and the file has exactly the keys that count as rejected. */
function expectAccounted(done: ImportReport, keys: number): void {
  expect([done.keys, sum(done.fates)]).toEqual([keys, keys]);
  expect(sum(done.skipped)).toBe(done.fates.skipped);
  expect(new Set(done.rejected.map((each) => each.line)).size).toBe(done.fates.rejected);
  expect(done.rejected.every(({ reason }) => reason !== '' && reason !== FORGOTTEN)).toBe(true);
  for (const { read, added, changed, present, failed } of Object.values(done.parts)) {
    expect(added + changed + present + failed).toBe(read);
  }
}

it('random exports: counts add up to the keys, added rows are in, secrets nowhere, a repeat changes nothing', async () => {
  const seed = testSeed();
  let exports = 0;
  let keys = 0;
  const fates = { imported: 0, present: 0, skipped: 0, rejected: 0 };
  const own = await openDatabase();
  let here = await contents(own.db.rows);
  await fc.assert(
    fc.asyncProperty(oddExport(NOON, DAY), async (odd) => {
      const dry = await own.importContent(odd.content, { dryRun: true });
      expect(await contents(own.db.rows)).toEqual(here);
      const done = await own.importContent(odd.content);
      const now = await contents(own.db.rows);
      expect(done.stopped).toBeUndefined();
      expectAccounted(done, odd.keys);
      expect([dry.fates, dry.rejected]).toEqual([done.fates, done.rejected]);
      const grown = (table: string) => (now[table] ?? []).length - (here[table] ?? []).length;
      expect([grown('patients'), grown('queues'), grown('routes')]).toEqual([
        done.parts.patients.added,
        done.parts.entries.added,
        done.parts.routes.added,
      ]);
      const shown = JSON.stringify([done, now]);
      expect([shown.includes(PLANTED_PASSWORD), shown.includes(PLANTED_PIN)]).toEqual([false, false]);

      const again = await own.importContent(odd.content);
      expect(await contents(own.db.rows)).toEqual(now);
      expectAccounted(again, odd.keys);
      expect([again.fates.imported, again.fates.skipped]).toEqual([0, done.fates.skipped]);
      const known = new Set(done.rejected.map((each) => JSON.stringify(each)));
      expect(again.rejected.filter((each) => !known.has(JSON.stringify(each)))).toEqual([]);

      here = now;
      exports += 1;
      keys += odd.keys;
      for (const fate of FATES) fates[fate] += done.fates[fate];
    }),
    { seed: seed | 0, numRuns: volume(300), endOnFailure: true },
  );
  report(`keys of ${exports} odd exports accounted for: ${JSON.stringify(fates)}`, keys, seed);
  expect(Object.values(fates).every((count) => count > 0)).toBe(true);
}, 600_000);

describe('texts that Postgres cannot keep', () => {
  it('are left out of their row and kept in the file, and every other row of the transaction is in', async () => {
    const half = `${'x'.repeat(63)}😀`;
    const many = times(250, (index) =>
      line(`patient:many-${index}`, { patientId: String(700_000 + index), loginTime: at(5) }),
    );
    const done = await importLines(
      ...many,
      line('patient:odd-1', { patientId: '800001', loginTime: at(5), status: 'a\0b' }),
      line('patient:odd-2', { patientId: '800002', loginTime: at(5), status: 'lone \ud83d' }),
      line('patient:odd-3', { patientId: '800003', loginTime: at(5), status: half }),
      line('route:odd-1', {
        createdAt: at(5),
        examType: half,
        stations: [{ id: 'lab', note: `${'y'.repeat(199)}😀`, name: 'a\0b' }, 'ent'],
      }),
      line('queue:list:lab', [
        { user: 'bad\0', number: 1, entered_at: at(5) },
        { user: 'good', number: 2, entered_at: at(5) },
      ]),
    );
    expectAccounted(done, 255);
    expect([done.parts.patients.added, done.parts.routes.added, done.parts.entries.added]).toEqual([
      253, 1, 1,
    ]);
    expect(reasons(done)).toEqual([
      ['patient:odd-1', 'taken over without what is unreadable: status'],
      ['patient:odd-2', 'taken over without what is unreadable: status'],
      ['patient:odd-3', 'taken over without what is unreadable: status'],
      ['route:odd-1', 'taken over without what is unreadable: name, note'],
      ['route:odd-1', 'taken over without what is unreadable: examType'],
      ['queue:list:lab', 'its patient has no id that a request could name'],
    ]);
    expect(done.rejected[0]?.value).toMatchObject({ status: 'a\0b' });
  });

  it('a row that the database refuses all the same is rejected alone, with the code of the refusal', async () => {
    await db.pool.query(`
      create function refuse_some() returns trigger language plpgsql as $$ begin
        if to_jsonb(new) ->> 'patient_id' in ('refused', '810001') then
          raise exception 'secret of row %', new using errcode = '22023';
        end if;
        return new;
      end $$;
      create trigger refuse_patients before insert on patients for each row execute function refuse_some();
      create trigger refuse_entries before insert on queues for each row execute function refuse_some();`);
    try {
      const people = times(9, (index) =>
        line(`patient:p-${index}`, { patientId: `81000${index}`, loginTime: at(9) }),
      );
      const visits = ['one', 'refused', 'two'].map((user, index) =>
        line(`queue:user:ent:${user}`, { number: index + 1, entered_at: at(9) }),
      );
      const dry = await importContent([...people, ...visits].join('\n'), { dryRun: true });
      const done = await importLines(...people, ...visits);
      expect([dry.fates, dry.rejected]).toEqual([done.fates, done.rejected]);
      expectAccounted(done, 12);
      expect([done.stopped, done.fates.imported]).toEqual([undefined, 10]);
      expect(reasons(done)).toEqual([
        ['patient:p-1', 'the database refused it (22023)'],
        ['queue:user:ent:refused', 'the database refused it (22023)'],
      ]);
      expect([done.parts.patients.failed, done.parts.entries.failed]).toEqual([1, 1]);
      expect(
        await db.rows(
          `select patient_id, queue_number from queues where clinic_code = 'ent' order by queue_number`,
        ),
      ).toEqual([
        { patient_id: 'one', queue_number: 1 },
        { patient_id: 'two', queue_number: 3 },
      ]);
    } finally {
      await db.pool.query('drop function refuse_some cascade');
    }
  });
});

describe('what does not become a row of its own', () => {
  it('a key without anything in it is counted', async () => {
    const done = await importLines(line('queue:list:lab', []), line(`pins:daily:${DAY}`, '{}'));
    expectAccounted(done, 2);
    expect(done.skipped).toEqual({ empty: 2 });
  });

  it('what no reader says anything of is rejected as forgotten: it cannot pass for left out', () => {
    const { entries, unreadable } = readExport([line('lock:a', 1), line('some:thing', 2)].join('\n'));
    const ledger = new Ledger(entries, unreadable);
    for (const entry of entries.slice(0, 1)) ledger.skip(entry, 'locks');
    expect(sum(ledger.fates())).toBe(1);
    ledger.rejectForgotten();
    expect(ledger.fates()).toEqual({ imported: 0, present: 0, skipped: 1, rejected: 1 });
    expect(ledger.rejected.map(({ key, reason }) => [key, reason])).toEqual([['some:thing', FORGOTTEN]]);
  });

  it('of two logins at one time the later in the file counts; without a time the other one is kept aside', async () => {
    const login = (session: string, patientId: string, loginTime?: string) =>
      line(`patient:${session}`, { patientId, ...(loginTime && { loginTime }) });
    const done = await importLines(
      login('tie-1', '825001', at(7)),
      login('tie-2', '825001', at(7)),
      login('timeless-1', '825002'),
      login('timeless-2', '825002'),
    );
    expectAccounted(done, 4);
    expect(done.skipped).toEqual({ 'older logins': 1 });
    expect(reasons(done)).toEqual([
      ['patient:timeless-1', 'another login of the same person comes later, and no time says which is newer'],
    ]);
    expect(
      await db.rows(
        `select session_id from patients where patient_id in ('825001', '825002') order by patient_id`,
      ),
    ).toEqual([{ session_id: 'tie-2' }, { session_id: 'timeless-2' }]);
  });

  it('older logins of a person are counted', async () => {
    const done = await importLines(
      line('patient:first', { patientId: '820001', loginTime: at(50) }),
      line('patient:last', { patientId: '820001', loginTime: at(10) }),
      line('patient:middle', { patientId: '٨٢٠٠٠١', loginTime: at(30) }),
    );
    expect([done.fates, done.skipped]).toEqual([
      { imported: 1, present: 0, skipped: 2, rejected: 0 },
      { 'older logins': 2 },
    ]);
    expect(await db.value(`select session_id from patients where patient_id = '820001'`)).toBe('last');
  });

  it('a key that comes twice counts with its last value: another one before is kept aside, the same is counted', async () => {
    const entry = (number: number) => line('queue:user:derma:twice', { number, entered_at: at(5) });
    const done = await importLines(entry(7), entry(8), entry(8), line('lock:a', 1), line('lock:a', 2));
    expectAccounted(done, 5);
    expect(done.rejected).toEqual([
      {
        reason: 'a later entry has the same key',
        line: 1,
        key: 'queue:user:derma:twice',
        value: { number: 7, entered_at: at(5) },
      },
    ]);
    expect(done.skipped).toEqual({ repetitions: 1, locks: 2 });
  });

  it('a name that stands twice in one object of the file is not lost in reading', async () => {
    const text = `{"queue:interval:bones": 7, "queue:interval:bones": 9, "some:map": {"a": 1, "a": 2}, "locks": ${JSON.stringify('{"b":1,"b":1}')}}`;
    const done = await importContent(text);
    expectAccounted(done, 4);
    expect(done.rejected.map(({ line: place, reason }) => [place, reason])).toEqual([
      [3, 'a name stands twice in one object'],
      [4, 'a name stands twice in one object'],
      [1, 'a later entry has the same key'],
    ]);
    expect(await db.value(`select call_interval from clinics where code = 'bones'`)).toBe(540);
  });

  it('two names of one clinic that say different things: the later counts, the other one is kept aside', async () => {
    await forgetPins();
    const done = await importLines(
      line('queue:interval:psy', 8),
      line('queue:interval:psychiatry', { interval_minutes: 6 }),
      line('queue:interval:PSY', '6'),
      line(`pins:daily:${DAY}`, { sur: '61', surgery: '62', SUR: '62' }),
      line('pin:surgery', '63'),
    );
    expectAccounted(done, 5);
    expect(reasons(done)).toEqual([
      ['queue:interval:psy', 'another interval of the same clinic comes later'],
      [`pins:daily:${DAY}`, 'another PIN of the same clinic comes later'],
    ]);
    expect(done.skipped).toEqual({ 'PINs that those of today replace': 1 });
    expect(await db.value(`select pin from pins where is_active and clinic_code = 'surgery'`)).toBe('62');
    expect(await db.value(`select call_interval from clinics where code = 'psychiatry'`)).toBe(360);
  });

  it('a PIN that another clinic has, or of a closed clinic, is rejected by the name of the clinic', async () => {
    await forgetPins();
    await db.pool.query(`update clinics set is_active = false where code = 'audio'`);
    const text = line(`pins:daily:${DAY}`, { lab: '71', vitals: '71', aud: '72' });
    const dry = await importContent(text, { dryRun: true });
    const done = await importContent(text).finally(() =>
      db.pool.query(`update clinics set is_active = true where code = 'audio'`),
    );
    expect(dry.rejected).toEqual(done.rejected);
    expect(done.rejected).toEqual([
      {
        reason: 'another clinic has this PIN; the clinic has a new one',
        line: 1,
        key: `pins:daily:${DAY}`,
        part: 'vitals',
        value: NOT_COPIED,
      },
      {
        reason: 'the clinic is closed here',
        line: 1,
        key: `pins:daily:${DAY}`,
        part: 'aud',
        value: NOT_COPIED,
      },
    ]);
    expect(await db.value(`select pin from pins where is_active and clinic_code = 'lab'`)).toBe('71');
  });

  it('a PIN that another clinic has is rejected each time, until its clinic has it after all; a replaced one is not', async () => {
    await forgetPins();
    const text = line(`pins:daily:${DAY}`, { lab: '73', vitals: '73', xray: '74' });
    const done = await importContent(text);
    expect(done.rejected.map(({ part, reason }) => [part, reason])).toEqual([
      ['vitals', 'another clinic has this PIN; the clinic has a new one'],
    ]);
    // Staff replaced it: what the export says of that clinic was taken over, and is history.
    await db.call('generate_daily_pins', { day: DAY, day_end: at(-600), clinic: 'xray', rotate: true });
    for (const dryRun of [true, false]) {
      const again = await importContent(text, { dryRun });
      expect(again.rejected).toEqual(done.rejected);
      expect(again.parts.pins).toMatchObject({ added: 0, present: 3, failed: 0 });
      expectAccounted(again, 1);
    }
    await db.pool.query(`update pins set is_active = false where clinic_code = 'lab'`);
    await db.pool.query(`update pins set pin = '73' where clinic_code = 'vitals' and is_active`);
    expect((await importContent(text)).rejected).toEqual([]);
  });

  it('what a newer export knows better of a row that is here is kept aside; the row stays', async () => {
    const older = [
      line('queue:user:eyes:moving', { number: 1, status: 'WAITING', entered_at: at(60) }),
      line('route:moving', { createdAt: at(60), stations: ['eyes', 'ent'], currentStep: 0 }),
      line('patient:moving', { patientId: '830001', loginTime: at(60), status: 'logged_in' }),
      line('queue:interval:eyes', 7),
    ];
    expect((await importLines(...older)).fates).toEqual({ imported: 4, present: 0, skipped: 0, rejected: 0 });
    expect((await importLines(...older)).fates).toEqual({ imported: 0, present: 4, skipped: 0, rejected: 0 });
    const before = await contents(db.rows);
    const done = await importLines(
      line('queue:user:eyes:moving', { number: 1, status: 'DONE', entered_at: at(60), exit_time: at(40) }),
      line('route:moving', { createdAt: at(60), stations: ['eyes', 'ent'], currentStep: 1 }),
      line('patient:moving', { patientId: '830001', loginTime: at(60), status: 'left' }),
      line('queue:interval:eyes', 12),
    );
    expectAccounted(done, 4);
    expect(await contents(db.rows)).toEqual(before);
    expect(reasons(done)).toEqual([
      ['patient:moving', 'the same login is here and says something else; what is here stays'],
      ['queue:user:eyes:moving', 'the entry is here and the export is further along; what is here stays'],
      ['route:moving', 'the route is here and the export says more; what is here stays'],
      ['queue:interval:eyes', 'another interval is set here; what is here stays'],
    ]);
  });
});

describe('times', () => {
  const timeOf = timeReader('Asia/Qatar', '04:00', new Date('2026-03-01T12:00:00Z'));
  it.each([
    ['2026-01-05T10:00:00', '2026-01-05T07:00:00.000Z'],
    ['2026-01-05 10:00', '2026-01-05T07:00:00.000Z'],
    ['2026-01-05T10:00:00.25', '2026-01-05T07:00:00.250Z'],
    ['2026-01-05', '2026-01-05T01:00:00.000Z'],
    ['2026-01-05T10:00:00Z', '2026-01-05T10:00:00.000Z'],
    ['2026-01-05T10:00:00.123456+02:30', '2026-01-05T07:30:00.123Z'],
    ['2026-01-05T10:00:00-0400', '2026-01-05T14:00:00.000Z'],
    ['Mon Jan 05 2026 10:00:00 GMT+0200 (Eastern European Standard Time)', '2026-01-05T08:00:00.000Z'],
    [1_767_596_400_000, '2026-01-05T07:00:00.000Z'],
    ['١٧٦٧٥٩٦٤٠٠٠٠٠', '2026-01-05T07:00:00.000Z'],
  ])('%s is %s wherever the import runs', (written, moment) => {
    expect(timeOf(written)).toBe(moment);
  });

  it.each([
    '1/5/2026, 10:00:00 AM',
    '2026-02-31T10:00:00',
    '2026-01-05T25:00',
    '2014-12-31',
    '2026-03-03',
    'soon',
    '',
    null,
  ])('%s is no time that can be relied on', (written) => expect(timeOf(written)).toBeUndefined());

  it('a day with two zones: the wall clock of the service counts before and after the change', () => {
    const inCairo = timeReader('Africa/Cairo', '00:00', new Date('2026-12-01T12:00:00Z'));
    expect([inCairo('2026-04-23T12:00'), inCairo('2026-04-25T12:00')]).toEqual([
      '2026-04-23T10:00:00.000Z',
      '2026-04-25T09:00:00.000Z',
    ]);
  });
});

describe('secrets', () => {
  it.each([
    line('admin:credentials', { username: 'admin', password: PLANTED_PASSWORD }),
    line('admin:backup', PLANTED_PASSWORD),
    line('ADMIN:old', `{"password":"${PLANTED_PASSWORD}"`),
    line('staff:1', { login: 'x', word: PLANTED_PASSWORD }),
    line(`password:${PLANTED_PASSWORD}`, 1),
    line('patient:s', { patientId: 'x', password: PLANTED_PASSWORD, nested: [{ passwd: PLANTED_PASSWORD }] }),
    line('queue:user:lab:u', `{"note":"p\\u0061ss ${PLANTED_PASSWORD}"`),
    line('queue:user:ghost:u', { number: 1, note: `the password is ${PLANTED_PASSWORD}` }),
    line(`pins:daily:${DAY}`, { lab: PLANTED_PIN, ghost: PLANTED_PIN, [PLANTED_PIN]: 'lab' }),
    line(`pins:daily:${DAY}`, `{"lab":"${PLANTED_PIN}"`),
    line(`pins:daily:${PLANTED_PIN}`, {}),
    line(`pin:${PLANTED_PIN}`, '1'),
    line('pin:lab', [PLANTED_PIN]),
    `{"key":"queue:user:lab:u","value":1}{"key":"pin:lab","value":"${PLANTED_PIN}"}`,
    `  "lab": "${PLANTED_PIN}",`,
    `{"key":"p\\u0069n:lab","value":"${PLANTED_PIN}"`,
    `["pin:lab","${PLANTED_PIN}"]`,
    `{"lab":"${PLANTED_PIN}","lab":"${PLANTED_PIN}"}`,
    `{"key":"admin:credentials","value":{"password":"${PLANTED_PASSWORD}"`,
    `{"key":"admin:credentials","value":"${PLANTED_PASSWORD}","value":"${PLANTED_PASSWORD}"}`,
  ])('%s is accounted for, and its secret is not shown', async (text) => {
    const done = await importLines(text, line('lock:a', 1));
    expectAccounted(done, 2);
    expect(done.fates.imported).toBe(0);
    expect(JSON.stringify(done)).not.toMatch(new RegExp(`${PLANTED_PASSWORD}|${PLANTED_PIN}`));
  });
});

describe('npm run import', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mmc-import-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const rejectedOf = async (path: string) =>
    (await readFile(`${path}.rejected.jsonl`, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((each) => JSON.parse(each) as Rejected);

  it('that fails half way exits with 1 and accounts for every key; repeated, it does the rest', async () => {
    await forgetPins();
    const path = join(folder, 'half.jsonl');
    const people = times(3, (index) =>
      line(`patient:h-${index}`, { patientId: `84000${index}`, loginTime: at(9) }),
    );
    const routes = times(250, (index) =>
      line(`route:h-${index}`, { createdAt: at(9), stations: ['lab', { id: 'ent', pin: PLANTED_PIN }] }),
    );
    const pins = line(`pins:daily:${DAY}`, { ecg: '87', ghost: PLANTED_PIN });
    const staff = line('admin:credentials', { password: PLANTED_PASSWORD });
    await writeFile(path, [...people, ...routes, pins, staff, 'broken'].join('\n'));
    // The server ends the connection at a row of the second transaction with routes.
    await db.pool.query(`
      create function end_connection() returns trigger language plpgsql as $$ begin
        if new.patient_id = 'h-220' then perform pg_terminate_backend(pg_backend_pid()); end if;
        return new;
      end $$;
      create trigger end_connection before insert on routes for each row execute function end_connection();`);
    const failed = await runCommand(['import', path, '--json'], { DATABASE_URL: db.url });
    await db.pool.query('drop function end_connection cascade');
    expect(failed.code).toBe(1);
    expect(failed.errors).toContain('Stopped: ');
    const half = JSON.parse(failed.output);
    expect(half.fates).toEqual({ imported: 3 + 200, present: 0, skipped: 1, rejected: 50 + 1 + 1 });
    const rejected = await rejectedOf(path);
    expect(new Set(rejected.map((each) => each.line)).size).toBe(52);
    expect(
      rejected.filter(({ reason }) => /^the import stopped at it \(\w+\); repeat it$/.test(reason)),
    ).toHaveLength(50);
    expect((await stat(`${path}.rejected.jsonl`)).mode & 0o777).toBe(0o600);
    const shown = failed.output + failed.errors + JSON.stringify(rejected);
    expect(shown).not.toMatch(new RegExp(`${PLANTED_PASSWORD}|${PLANTED_PIN}`));
    expect(JSON.stringify(rejected)).not.toMatch(/\b87\b/);
    expect(await db.value(`select count(*)::int from routes where patient_id like 'h-%'`)).toBe(200);

    const rest = await runCommand(['import', path, '--json'], { DATABASE_URL: db.url });
    expect(rest.code, rest.errors).toBe(0);
    expect(JSON.parse(rest.output).fates).toEqual({ imported: 50, present: 203, skipped: 1, rejected: 2 });
    expect((await rejectedOf(path)).map((each) => each.line)).toEqual([256, 254]);
  });

  it('keeps the word about a PIN that another clinic has, also after a dry run and a repetition', async () => {
    await forgetPins();
    const path = join(folder, 'pins.jsonl');
    await writeFile(path, line(`pins:daily:${DAY}`, { bones: '88', surgery: '88' }));
    const run = (...flags: string[]) =>
      runCommand(['import', path, '--json', ...flags], { DATABASE_URL: db.url });
    expect((await run()).code).toBe(0);
    const first = await readFile(`${path}.rejected.jsonl`, 'utf8');
    expect(first).toContain('another clinic has this PIN');

    const dry = await run('--dry-run');
    expect(dry.code, dry.errors).toBe(0);
    expect(JSON.parse(dry.output).rejectedFile).toBe(`${path}.dry-run.rejected.jsonl`);
    expect(await readFile(`${path}.dry-run.rejected.jsonl`, 'utf8')).toBe(first);
    expect((await run()).code).toBe(0);
    expect(await readFile(`${path}.rejected.jsonl`, 'utf8')).toBe(first);

    // A dry run that rejects nothing takes its own file away only.
    await writeFile(path, line('lock:a', 1));
    expect((await run('--dry-run')).code).toBe(0);
    expect(await readFile(`${path}.rejected.jsonl`, 'utf8')).toBe(first);
    await expect(stat(`${path}.dry-run.rejected.jsonl`)).rejects.toThrow('ENOENT');
  });

  it('ends after the transaction under way when it is interrupted, and says what it did not get to', async () => {
    const interrupted = new AbortController();
    const text = ['early', 'late'].map((user, index) =>
      line(`queue:user:${index === 0 ? 'dental' : 'derma'}:${user}`, { number: 31, entered_at: at(5) }),
    );
    const done = await importContent(text.join('\n'), {
      signal: interrupted.signal,
      onProgress: () => interrupted.abort(),
    });
    expectAccounted(done, 2);
    expect([done.stopped, done.fates.imported, reasons(done)]).toEqual([
      'it was interrupted',
      1,
      [['queue:user:derma:late', 'the import stopped before it; repeat it']],
    ]);
    expect(await db.rows(`select patient_id from queues where patient_id in ('early', 'late')`)).toEqual([
      { patient_id: 'early' },
    ]);
  });

  it('that gets SIGINT ends after the transaction under way, with 1, and puts the rest into the file', async () => {
    const user = randomUUID().slice(0, 8);
    const path = join(folder, `${user}.jsonl`);
    const routes = times(450, (index) =>
      line(`route:${user}-${index}`, { createdAt: at(9), stations: ['lab'] }),
    );
    await writeFile(path, routes.join('\n'));
    // Its first transaction waits its turn: imports come one after the other.
    const holder = await db.pool.connect();
    await holder.query('begin; select pg_advisory_xact_lock(727267627)');
    const command = startCommand(['import', path, '--json'], { DATABASE_URL: db.url });
    try {
      await until(
        'the import waits',
        () =>
          db.value<number>(`select count(*)::int from pg_stat_activity
            where datname = current_database() and wait_event = 'advisory'`),
        (waiting) => waiting > 0,
        30_000,
      );
      command.interrupt();
      await until('it heard the signal', command.errors, (text) => text.includes('Interrupted'));
    } finally {
      await holder.query('rollback');
      holder.release();
    }
    const { code, output } = await command.finished;
    expect(code).toBe(1);
    expect(JSON.parse(output)).toMatchObject({
      stopped: 'it was interrupted',
      fates: { imported: 200, present: 0, skipped: 0, rejected: 250 },
    });
    expect((await rejectedOf(path)).map(({ reason }) => reason)).toEqual(
      Array(250).fill('the import stopped before it; repeat it'),
    );
    expect(await db.value('select count(*)::int from routes where patient_id like $1', [`${user}-%`])).toBe(
      200,
    );
  });

  it('imports nothing when the file of rejected entries cannot be written', async () => {
    const path = join(folder, 'nowhere.jsonl');
    await writeFile(path, line('queue:user:bones:nowhere', { number: 1, entered_at: at(5) }));
    await mkdir(`${path}.rejected.jsonl.part`);
    const failed = await runCommand(['import', path], { DATABASE_URL: db.url });
    expect(failed.code).toBe(1);
    expect(await db.value(`select count(*)::int from queues where patient_id = 'nowhere'`)).toBe(0);
  });
});
