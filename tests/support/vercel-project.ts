/**
 * A Vercel project as its routing rules see it: the program `vercel`, which takes what vercel@60.1.3 takes and nothing
 * else of what is used here, and the public address, where the published rules count.
 */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Rule {
  readonly name: string;
  readonly src: string;
  readonly dest?: string;
  readonly status?: number;
  readonly has?: readonly { readonly type: string; readonly key: string }[];
}

export interface VercelProject {
  /** Holds the programs `vercel` and `npx`. */
  readonly folder: string;
  readonly url: string;
  readonly token: string;
  /** The arguments of every call since the last question. */
  commands(): Promise<string[][]>;
  rules(): Promise<Rule[]>;
  publish(rules: readonly Rule[]): Promise<void>;
  close(): Promise<void>;
}

/** What the page's host answers where no rule applies. */
export const PAGE = '<!doctype html><title>The page</title>';

const TOKEN = 'token-of-the-vercel-test';

/** Where two rules match a name, and nothing may be asked, the real one ends with 1 and says so in JSON. */
const PROGRAM = `#!/usr/bin/env node
const fs = require('node:fs');
const at = (name) => __dirname + '/' + name + '.json';
const load = (name) => fs.existsSync(at(name)) ? JSON.parse(fs.readFileSync(at(name), 'utf8')) : undefined;
const save = (name, value) => fs.writeFileSync(at(name), JSON.stringify(value));
const args = process.argv.slice(2);
fs.appendFileSync(__dirname + '/log', JSON.stringify(args) + '\\n');
function fail(text) { console.error('Vercel CLI 60.1.3\\nError: ' + text); process.exit(1); }
if (process.env.VERCEL_TOKEN !== '${TOKEN}') fail('No existing credentials found. Please run \`vercel login\`');
for (const name of ['DATABASE_URL', 'PROXY_SECRET', 'JWT_SECRET']) if (process.env[name]) fail(name + ' is none of its business');
if (process.env.VERCEL_PROJECT_ID === 'prj_api') fail('Project not found');
const [topic, verb, ...rest] = args;
if (topic !== 'routes') fail("Can't deploy more than one path.");
if (process.env.VERCEL_FAILS === verb) fail('The API is away');
const routes = load('staged') ?? load('live') ?? [];
const is = (...wanted) => JSON.stringify(rest) === JSON.stringify(wanted);
if (verb === 'export' && is()) {
  console.log(JSON.stringify({ routes: routes.map(({ name, ...route }) => route) }, null, 2));
} else if (verb === 'edit' && is(rest[0], '--action', 'rewrite', '--dest', rest[4], '--yes', '--non-interactive')) {
  const found = routes.filter(({ name }) => name.includes(rest[0]));
  if (found.length !== 1) {
    console.log(JSON.stringify({ status: 'error', reason: found.length ? 'ambiguous_route' : 'not_found' }, null, 2));
    console.error('Fetching routes');
    process.exit(1);
  }
  found[0].dest = rest[4];
  save('staged', routes);
} else if (verb === 'publish' && is('--yes')) {
  save('live', routes);
  fs.rmSync(at('staged'), { force: true });
} else if (verb === 'add' && rest.includes('--yes')) {
  const [name, ...flags] = rest.filter((arg) => arg !== '--yes');
  const rule = { name };
  for (let index = 0; index < flags.length; index += 2) {
    const [flag, value] = [flags[index], flags[index + 1]];
    if (flag === '--src') rule.src = value;
    else if (flag === '--dest') rule.dest = value;
    else if (flag === '--status') rule.status = Number(value);
    else if (flag === '--has') rule.has = [{ type: value.split(':')[0], key: value.split(':')[1] }];
    else if (flag === '--action') rule.action = value;
    else if (!(flag === '--position' && value === 'end')) fail('unknown or unexpected option: ' + flag);
  }
  const { action, ...route } = rule;
  if ((route.dest || route.status) && !action) fail('--action is required when using --dest or --status.');
  if (action !== (route.dest ? 'rewrite' : 'set-status')) fail('Invalid action type');
  save('staged', [...routes, route]);
} else fail('unknown or unexpected option: ' + args.join(' '));
`;

/** What `npx --yes vercel@… ARGUMENTS` runs. */
const NPX = `#!/usr/bin/env bash
[[ $1 == --yes && $2 == vercel@* ]] || exit 64
exec "$(dirname "$0")/vercel" "\${@:3}"
`;

/** Makes it, without any rule. */
export async function openVercelProject(): Promise<VercelProject> {
  const folder = await mkdtemp(join(tmpdir(), 'mmc-vercel-'));
  for (const [name, text] of Object.entries({ vercel: PROGRAM, npx: NPX })) {
    await writeFile(join(folder, name), text);
    await chmod(join(folder, name), 0o755);
  }
  const log = join(folder, 'log');
  const rules = async (): Promise<Rule[]> =>
    JSON.parse(await readFile(join(folder, 'live.json'), 'utf8').catch(() => '[]'));
  const server = createServer((incoming, outgoing) => {
    answer(incoming, outgoing, rules).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    folder,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token: TOKEN,
    rules,
    async commands() {
      const text = await readFile(log, 'utf8').catch(() => '');
      await rm(log, { force: true });
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line));
    },
    async publish(published) {
      await writeFile(join(folder, 'live.json'), JSON.stringify(published));
      await rm(join(folder, 'staged.json'), { force: true });
    },
    async close() {
      server.close();
      server.closeAllConnections();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  rules: () => Promise<Rule[]>,
): Promise<void> {
  const { pathname, search } = new URL(incoming.url ?? '/', 'http://page');
  const first = (await rules()).find(
    ({ src, has = [] }) =>
      has.every(({ type, key }) => type === 'header' && key in incoming.headers) &&
      new RegExp(src).test(pathname),
  );
  if (first?.dest === undefined) {
    outgoing.writeHead(first?.status ?? 200, { 'Content-Type': 'text/html' }).end(PAGE);
    return;
  }
  const gone = new AbortController();
  outgoing.on('close', () => gone.abort());
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const { host: _host, connection: _connection, 'content-length': _length, ...headers } = incoming.headers;
  const response = await fetch(pathname.replace(new RegExp(first.src), first.dest) + search, {
    method: incoming.method ?? 'GET',
    headers: Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]),
    redirect: 'manual',
    signal: gone.signal,
    ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
  });
  const {
    'content-encoding': _encoding,
    'content-length': _size,
    ...sent
  } = Object.fromEntries(response.headers);
  outgoing.writeHead(response.status, sent);
  for await (const bytes of response.body ?? []) outgoing.write(bytes);
  outgoing.end();
}
