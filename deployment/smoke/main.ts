// `npm run smoke -- URL`: does a deployed target work? Safe at any time, also while patients are in line.
import { readFlags, refuseUsage } from '../../local/command-line.ts';
import { bold } from '../../local/terminal.ts';
import { lineOf, verdictOf } from './report.ts';
import { runSmoke } from './run-smoke.ts';
import { smokeSettings } from './smoke-settings.ts';

const HELP = `npm run smoke -- URL [options]

Checks a deployed target. Takes no number in a line, calls nobody, changes no setting. Exit code 0 when every check
passed, 1 when one failed, 2 when the command cannot be followed.

  URL                 where its paths begin, e.g. https://api.example.com or https://<ref>.supabase.co/functions/v1
  --read-only         GETs only
  --target NAME       fails unless this is cloudflare, supabase, vercel or node
  --commit SHA        fails unless this commit answers
  --schema VERSION    fails unless the build expects this schema, e.g. 0022_key_rotation
  --wait SECONDS      how long to wait for that commit (0)
  --timeout SECONDS   how long one answer may take (10)
  --json              the report as JSON on standard output

From the environment: METRICS_TOKEN for the metrics, SMOKE_ADMIN_USERNAME and SMOKE_ADMIN_PASSWORD for what staff
see, PROXY_SECRET to see that the target believes the front, DATABASE_URL (and DATABASE_HTTP_URL) of the target to remove
the one synthetic patient that logs in.`;

const { values, positionals } = readFlags(
  {
    allowPositionals: true,
    options: {
      'read-only': { type: 'boolean', default: false },
      target: { type: 'string' },
      commit: { type: 'string' },
      schema: { type: 'string' },
      wait: { type: 'string', default: '0' },
      timeout: { type: 'string', default: '10' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  },
  HELP,
);

if (values.help) {
  console.log(HELP);
} else {
  process.exitCode = await smoke(baseUrl(positionals));
}

async function smoke(url: string): Promise<number> {
  const { target, commit, schema } = values;
  if (!values.json) console.log(`${bold('smoke')} ${url}\n`);
  const report = await runSmoke(
    {
      url,
      readOnly: values['read-only'],
      expect: { target, commit, schema },
      waitMs: milliseconds('wait', values.wait, 0),
      timeoutMs: milliseconds('timeout', values.timeout, 0.1),
      ...smokeSettings(process.env),
    },
    values.json ? undefined : (result) => console.log(lineOf(result)),
  );
  console.log(values.json ? JSON.stringify(report, null, 2) : verdictOf(report));
  return report.ok ? 0 : 1;
}

function baseUrl([text, ...more]: readonly string[]): string {
  if (text === undefined || more.length > 0) return refuseUsage('Give one URL', HELP);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol))
    return refuseUsage('The URL must begin with https:// or http://', HELP);
  // It is printed, and kept by whoever keeps logs.
  if (url.username || url.password || url.search || url.hash) {
    return refuseUsage('The URL must have no user name, no query and no fragment', HELP);
  }
  return url.href.replace(/\/+$/, '');
}

function milliseconds(flag: string, text: string, min: number): number {
  const seconds = Number(text);
  if (text.trim() !== '' && seconds >= min && seconds <= 600) return seconds * 1_000;
  return refuseUsage(`--${flag} takes ${min} to 600 seconds, not ${text}`, HELP);
}
