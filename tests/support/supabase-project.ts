/** Supabase as its program and its clients see it: functions are deployed from a folder, and served by real Denos. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RuntimeProcess } from '../../local/runtimes/runtime-process.ts';
import { RUNTIMES } from '../../local/runtimes/runtimes.ts';

export interface SupabaseProject {
  /** Where its functions are. */
  readonly url: string;
  /** Where a recorded program tells what it was called with. */
  readonly platform: string;
  close(): Promise<void>;
}

/** All functions but the named ones. */
const REST = '*';

/** Opens one without a function; each deployment takes the named functions, or all, from `supabase/` in its folder. */
export async function openSupabaseProject(
  environment: Readonly<Record<string, string>>,
): Promise<SupabaseProject> {
  const folder = await mkdtemp(join(tmpdir(), 'mmc-supabase-'));
  const serving = new Map<string, RuntimeProcess>();
  const started: RuntimeProcess[] = [];

  async function deploy({ args, cwd }: { args: string[]; cwd: string }): Promise<void> {
    const names = args.slice(2).filter((arg) => !arg.startsWith('-'));
    const root = join(folder, String(started.length));
    await cp(join(cwd, 'supabase'), join(root, 'supabase'), { recursive: true });
    const runtime = await RUNTIMES.supabase({ root, port: 0, environment });
    started.push(runtime);
    if (names.length === 0) serving.clear();
    for (const name of names.length === 0 ? [REST] : names) serving.set(name, runtime);
  }

  function hand(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const [, name = ''] = /^\/functions\/v1\/([\w-]+)/.exec(incoming.url ?? '') ?? [];
    const runtime = serving.get(name) ?? serving.get(REST);
    if (!runtime) {
      outgoing.writeHead(404).end('{"code":"NOT_FOUND"}');
      return;
    }
    const { method, headers } = incoming;
    const onward = request(`${runtime.url}${incoming.url}`, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  }

  const server = createServer((incoming, outgoing) => {
    if (incoming.url !== '/platform') return hand(incoming, outgoing);
    incoming.setEncoding('utf8');
    let text = '';
    incoming.on('data', (piece: string) => {
      text += piece;
    });
    incoming.on('end', () => {
      deploy(JSON.parse(text)).then(
        () => outgoing.end('{}'),
        (error: unknown) => outgoing.writeHead(500).end(String(error)),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `${origin}/functions/v1`,
    platform: `${origin}/platform`,
    async close() {
      server.closeAllConnections();
      server.close();
      for (const { stop } of started) await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
