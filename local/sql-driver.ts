/**
 * The one thing the Postgres endpoint needs from a database, so that the same endpoint stands before PGlite and
 * before a real server: text in, text out, and Postgres' own error fields.
 */

/** A parameter as it travels to Postgres: its text form, or null. */
export type SqlParameter = string | null;

export interface SqlStatement {
  readonly query: string;
  readonly params: readonly SqlParameter[];
}

export interface SqlField {
  readonly name: string;
  readonly dataTypeID: number;
}

/** A result in Neon's raw form: every value is Postgres' text form, or null. */
export interface SqlResult {
  /** First word of the command tag, for example `SELECT`; empty for an empty query. */
  readonly command: string;
  readonly rowCount: number | null;
  readonly fields: readonly SqlField[];
  readonly rows: readonly (readonly (string | null)[])[];
}

export type IsolationLevel = 'READ UNCOMMITTED' | 'READ COMMITTED' | 'REPEATABLE READ' | 'SERIALIZABLE';

export interface BatchOptions {
  readonly isolationLevel?: IsolationLevel;
  readonly readOnly?: boolean;
  readonly deferrable?: boolean;
}

export interface SqlDriver {
  /** Runs one statement in its own session and implicit transaction. Throws `SqlError` when Postgres refuses it. */
  query(statement: SqlStatement): Promise<SqlResult>;
  /** Runs the statements in one transaction: all commit, or none does and the first `SqlError` is thrown. */
  batch(statements: readonly SqlStatement[], options?: BatchOptions): Promise<SqlResult[]>;
  /** Gives back connections and files; the driver refuses queries afterwards. May be called twice. */
  close(): Promise<void>;
}

export const SQL_ERROR_FIELDS = [
  'severity',
  'code',
  'detail',
  'hint',
  'position',
  'internalPosition',
  'internalQuery',
  'where',
  'schema',
  'table',
  'column',
  'dataType',
  'constraint',
  'file',
  'line',
  'routine',
] as const;

export type SqlErrorField = (typeof SQL_ERROR_FIELDS)[number];
export type SqlErrorFields = { readonly [Field in SqlErrorField]?: string };

/** An error that Postgres itself reported, with every field it sent. Anything else is a failure of the connection. */
export class SqlError extends Error {
  override readonly name = 'SqlError';
  readonly fields: SqlErrorFields;

  constructor(message: string, fields: SqlErrorFields) {
    super(message);
    this.fields = fields;
  }

  /** The SQLSTATE, five characters, or undefined when the server sent none. */
  get code(): string | undefined {
    return this.fields.code;
  }

  /** The form an endpoint answers with: the message and the fields that are set. */
  toJSON(): { message: string } & SqlErrorFields {
    return { message: this.message, ...this.fields };
  }
}

/** Makes a `SqlError` of a client library's error when that carries a SQLSTATE; gives undefined otherwise. */
export function toSqlError(cause: unknown): SqlError | undefined {
  if (!(cause instanceof Error)) return undefined;
  const entries = SQL_ERROR_FIELDS.flatMap((field) => {
    const value: unknown = Reflect.get(cause, field);
    return typeof value === 'string' ? [[field, value] as const] : [];
  });
  const fields: SqlErrorFields = Object.fromEntries(entries);
  return fields.code !== undefined && /^[0-9A-Z]{5}$/.test(fields.code)
    ? new SqlError(cause.message, fields)
    : undefined;
}

/** The statement that opens a batch's transaction with the wanted properties; unset ones keep the server's default. */
export function beginStatement(options: BatchOptions = {}): string {
  const parts = ['BEGIN'];
  if (options.isolationLevel !== undefined) parts.push(`ISOLATION LEVEL ${options.isolationLevel}`);
  if (options.readOnly !== undefined) parts.push(options.readOnly ? 'READ ONLY' : 'READ WRITE');
  if (options.deferrable !== undefined) parts.push(options.deferrable ? 'DEFERRABLE' : 'NOT DEFERRABLE');
  return parts.join(' ');
}

/** Commands whose effect outlives the statement in its session; Neon over HTTP promises no session, so it is reset. */
const SESSION_COMMANDS = new Set(['SET', 'LISTEN', 'PREPARE', 'DECLARE', 'LOAD']);

/** True when a result may have left something behind in its session. */
export function leavesSessionState(result: SqlResult): boolean {
  return SESSION_COMMANDS.has(result.command);
}
