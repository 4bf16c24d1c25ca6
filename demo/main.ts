// npm run demo: a committee day over HTTP, shown while it happens and judged at the end. It is the main job of this
// service on real input: the fastest way to see that everything works, or what does not.

import { CannotBegin, type DayResult, runCommitteeDay } from './committee-day.ts';
import { judge } from './invariants.ts';
import { Ledger } from './ledger.ts';
import { startLiveView } from './live-view.ts';
import { type Credentials, type DemoOptions, HELP, readOptions, UsageError } from './options.ts';
import { makeReport, printReport } from './report.ts';
import { createPaint } from './terminal.ts';

interface Server {
  readonly url: string;
  readonly admin: Credentials;
  close(): Promise<void>;
}

async function openServer(options: DemoOptions): Promise<Server> {
  if (options.server !== undefined) return { ...options.server, close: async () => {} };
  // Loaded only here: with --url no database belongs in this process.
  const { startLocalServer } = await import('../local/local-server.ts');
  const server = await startLocalServer({
    port: 0,
    environment: 'test',
    quiet: true,
    // Two hundred patients and their staff behind one address, a day in seconds.
    settings: { RATE_LIMITS: 'off' },
  });
  if (server.admin === undefined) {
    await server.close();
    throw new CannotBegin('the server of the demo has no admin account');
  }
  return { url: server.url, admin: server.admin, close: () => server.close() };
}

/** Ctrl-C once ends the day with a partial report; a second time ends the process. */
function listenForInterrupt(): AbortSignal {
  const interrupt = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (interrupt.signal.aborted) process.exit(130);
      interrupt.abort(new Error('interrupted'));
    });
  }
  return interrupt.signal;
}

async function runDay(
  options: DemoOptions,
  server: Server,
  ledger: Ledger,
  interrupt: AbortSignal,
): Promise<number> {
  const out = options.json ? process.stderr : process.stdout;
  const colours = out.isTTY && process.env.NO_COLOR === undefined;
  const window = `${Number((options.windowMs / 1000).toFixed(1))} s`;
  out.write(
    `committee day: seed ${options.seed}, ${options.patients} patients arrive within ${window}, ${server.url}\n`,
  );
  // A table that does not fit would scroll instead of being redrawn.
  const fits = out.isTTY && out.columns >= 80 && out.rows >= 22;
  const stopView = startLiveView(ledger, out, { redraw: fits && !options.json, colours });
  let result: DayResult | undefined;
  try {
    result = await runCommitteeDay({ ...options, url: server.url, admin: server.admin }, ledger, interrupt);
  } catch (error) {
    if (!interrupt.aborted) throw error;
  } finally {
    stopView();
  }
  const lostAnswers =
    (ledger.trials.get('requests sent again after a broken connection') ?? 0) +
    (ledger.trials.get('waits because of Retry-After') ?? 0);
  const verdicts = judge(
    {
      patients: ledger.patients,
      visits: ledger.visits,
      calls: ledger.calls,
      emptyCalls: ledger.emptyCalls,
      breaches: ledger.breaches,
      unknownCalls: ledger.callsOfUnknownOutcome,
      unknownEnters: lostAnswers,
      before: result?.before ?? new Map(),
      after: result?.after,
      othersMayCome: options.server !== undefined,
    },
    ledger.requests,
  );
  const report = makeReport(ledger, verdicts, {
    seed: options.seed,
    url: server.url,
    interrupted: interrupt.aborted,
  });
  process.stdout.write(
    options.json ? `${JSON.stringify(report, null, 2)}\n` : printReport(report, createPaint(colours)),
  );
  if (verdicts.some((verdict) => verdict.held === false)) return 1;
  return interrupt.aborted ? 130 : report.held ? 0 : 1;
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2), process.env);
  if (options === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  const interrupt = listenForInterrupt();
  const server = await openServer(options);
  try {
    return await runDay(options, server, new Ledger(), interrupt);
  } finally {
    await server.close();
  }
}

main().then(
  // Idle keep-alive connections to a server elsewhere would hold the process open for a few seconds.
  (code) => process.exit(code),
  (error: unknown) => {
    const known = error instanceof UsageError || error instanceof CannotBegin;
    process.stderr.write(`${known ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
    if (error instanceof UsageError) process.stderr.write('npm run demo -- --help shows what may be said\n');
    process.exit(error instanceof UsageError ? 2 : 1);
  },
);
