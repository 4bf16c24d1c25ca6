/** The application before a real Postgres with a clock that a test sets, for reports of any day. */
import { saveAdmin } from '../../local/admin-accounts.ts';
import { startEmbeddedCloud } from '../../local/embedded-cloud.ts';
import { createApp } from '../../src/app.ts';
import { readConfig } from '../../src/lib/config.ts';
import { createServices } from '../../src/lib/services.ts';
import type { Entry } from './report-model.ts';
import { migrateUrl, openEmptyDatabase, type SqlDatabase } from './sql-database.ts';

export interface ReportWorldOptions {
  readonly timezone?: string;
  readonly serviceDayStart?: string;
  readonly settings?: Readonly<Record<string, string>>;
}

export interface ReportAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface ReportWorld {
  readonly db: SqlDatabase;
  /** The moment that it is from now on, for the application and for every function of the database. */
  setTime(iso: string): void;
  /** A GET by an admin whose token is current at the set time, or by nobody (null), or with the token given. */
  get(path: string, token?: string | null): Promise<ReportAnswer>;
  report(path: string): Promise<Readonly<Record<string, unknown>>>;
  adminToken(): Promise<string>;
  insert(entries: readonly Entry[]): Promise<void>;
  close(): Promise<void>;
}

const ADMIN = { username: 'reporter', password: 'a password for tests' };

export async function openReportWorld(options: ReportWorldOptions = {}): Promise<ReportWorld> {
  const { timezone = 'Asia/Qatar', serviceDayStart = '00:00', settings = {} } = options;
  const db = await openEmptyDatabase();
  await migrateUrl(db.url, { timezone, serviceDayStart });
  const cloud = await startEmbeddedCloud({ databaseUrl: db.url });
  const config = readConfig({
    DATABASE_URL: cloud.databaseUrl,
    JWT_SECRET: 'a secret for tests, of thirty-two characters',
    ENVIRONMENT: 'test',
    TIMEZONE: timezone,
    SERVICE_DAY_START: serviceDayStart,
    LOG_LEVEL: 'error',
    ...settings,
  });
  let now = new Date();
  const services = createServices('node', config, { clock: { now: () => now, simulated: true } });
  await saveAdmin(services.database, ADMIN);
  const app = createApp({ target: 'node', services: () => services, clientIp: () => '127.0.0.1' });

  const adminToken = async () => {
    const [account] = await db.rows<{ token_version: number }>(
      'select token_version from admins where username = $1',
      [ADMIN.username],
    );
    return services.tokens.issue({ sub: ADMIN.username, role: 'admin', ver: account?.token_version ?? 0 });
  };
  const get = async (path: string, given?: string | null): Promise<ReportAnswer> => {
    const token = given === undefined ? await adminToken() : given;
    const response = await app.request(
      path,
      token === null ? {} : { headers: { Authorization: `Bearer ${token}` } },
    );
    const bytes = new Uint8Array(await response.arrayBuffer());
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
    const isJson = response.headers.get('content-type')?.startsWith('application/json');
    return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : {} };
  };
  return {
    db,
    get,
    adminToken,
    setTime: (iso) => {
      now = new Date(iso);
    },
    report: async (path) => {
      const { status, text, body } = await get(path);
      if (status !== 200) throw new Error(`${path}: ${status} ${text}`);
      return body.report as Readonly<Record<string, unknown>>;
    },
    insert: async (entries) => {
      await db.rows(
        `insert into queues (clinic_code, patient_id, queue_number, service_day, status, entered_at, called_at,
           started_at, completed_at)
         select e.clinic, e.patient, row_number() over (partition by e.day, e.clinic order by e.entered, e.patient)
             + coalesce((select max(q.queue_number) from queues q
                 where q.service_day = e.day and q.clinic_code = e.clinic), 0),
           e.day, e.status, e.entered, e.called, e.started, e.completed
         from jsonb_to_recordset($1) as e(clinic text, patient text, day date, status text, entered timestamptz,
           called timestamptz, started timestamptz, completed timestamptz)`,
        [JSON.stringify(entries)],
      );
    },
    close: async () => {
      services.waiting().wakeUps.close();
      services.streams.endAll();
      await cloud.close();
      await db.remove();
    },
  };
}
