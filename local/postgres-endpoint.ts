/**
 * Neon's SQL-over-HTTP protocol on loopback, so that the application talks to its database in development and tests
 * exactly as it does in production: through `@neondatabase/serverless`, one POST a query or batch.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { HttpRefusal, listenOnLoopback, readBody, sendJson } from './loopback-server.ts';
import { connectionPassword, type NeonStatement, parseNeonRequest } from './neon-request.ts';
import { toJsonValue } from './neon-values.ts';
import { sameSecret } from './secret.ts';
import { type SqlDriver, SqlError, type SqlResult } from './sql-driver.ts';

export interface PostgresEndpointOptions {
  readonly driver: SqlDriver;
  /** The password a connection string must carry. */
  readonly token: string;
  /** 0 or absent: any free port. */
  readonly port?: number;
}

export interface PostgresEndpoint {
  /** What goes into DATABASE_URL: the application turns its loopback host into `url`. */
  readonly databaseUrl: string;
  /** Where the protocol is spoken: `http://127.0.0.1:<port>/sql`. */
  readonly url: string;
  /** HTTP requests since the start, refused ones included: the round trips a benchmark counts. */
  requestCount(): number;
  /** Statements handed to the driver since the start; a batch of three counts three. */
  queryCount(): number;
  /** Stops the server. The driver stays open: who made it closes it. */
  close(): Promise<void>;
}

/** Starts the endpoint on 127.0.0.1. Rejects when the port is taken. */
export async function startPostgresEndpoint(options: PostgresEndpointOptions): Promise<PostgresEndpoint> {
  const { driver, token, port = 0 } = options;
  let requests = 0;
  let queries = 0;

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    requests += 1;
    const body = await readBody(request, { message: 'request body too large' });
    if (request.url !== '/sql') throw new HttpRefusal(404, { message: 'not found' });
    if (request.method !== 'POST') throw new HttpRefusal(405, { message: 'method not allowed' });
    if (!sameSecret(connectionPassword(request.headers), token)) {
      throw new HttpRefusal(401, { message: 'password authentication failed', code: '28P01' });
    }
    const raw = request.headers['neon-raw-text-output'] === 'true';
    const parsed = parseNeonRequest(body, request.headers);
    try {
      if (parsed.kind === 'single') {
        queries += 1;
        sendJson(response, 200, present(await driver.query(parsed.statement), parsed.statement, raw));
      } else {
        queries += parsed.statements.length;
        const results = await driver.batch(parsed.statements, parsed.options);
        const presented = parsed.statements.map((statement, index) =>
          present(results[index], statement, raw),
        );
        sendJson(response, 200, { results: presented });
      }
    } catch (cause) {
      if (cause instanceof SqlError) throw new HttpRefusal(400, cause);
      throw cause;
    }
  };

  const server = await listenOnLoopback(port, handle, () => ({ message: 'the database cannot be reached' }));
  return {
    databaseUrl: `postgresql://mmc:${encodeURIComponent(token)}@127.0.0.1:${server.port}/mmc`,
    url: `http://127.0.0.1:${server.port}/sql`,
    requestCount: () => requests,
    queryCount: () => queries,
    close: () => server.close(),
  };
}

function present(result: SqlResult | undefined, { arrayMode }: NeonStatement, raw: boolean): unknown {
  if (result === undefined) throw new Error('the driver gave fewer results than statements');
  const { command, rowCount, fields } = result;
  const values = raw
    ? result.rows
    : result.rows.map((row) => fields.map((field, column) => toJsonValue(row[column] ?? null, field)));
  const rows = arrayMode
    ? values
    : values.map((row) => Object.fromEntries(fields.map(({ name }, column) => [name, row[column]])));
  return { command, rowCount, fields, rows, rowAsArray: arrayMode };
}
