// Where each platform wants its files, and what they are.
import { ADAPTER, generatedFiles } from '../../supabase-adapter/generated-files.ts';
import { APP, type Bundle } from './bundle.ts';
import { type VercelProject, vercelConfiguration, vercelFunction } from './vercel-output.ts';

/** A file's content by its path in the project. */
export type Files = ReadonlyMap<string, Uint8Array>;

export interface Output {
  readonly target: 'cloudflare' | 'supabase' | 'vercel' | 'front';
  /** Folders that hold nothing else: emptied before the files are written. */
  readonly folders: readonly string[];
  readonly files: Files;
  /** The files that run when a request comes. */
  readonly code: readonly string[];
}

/** All outputs of a build. */
export function outputsOf(bundle: Bundle, vercelProject: VercelProject): readonly Output[] {
  return [cloudflare(bundle), supabase(bundle), vercel(bundle, vercelProject), front(bundle)];
}

function cloudflare({ app, entries }: Bundle): Output {
  const [index, shared] = ['dist/cloudflare/index.js', `dist/cloudflare/${APP}`];
  return {
    target: 'cloudflare',
    folders: ['dist/cloudflare'],
    files: new Map([
      [index, entries.cloudflare],
      [shared, app],
    ]),
    code: [index, shared],
  };
}

function supabase({ app, entries }: Bundle): Output {
  const shared = 'supabase/functions/_shared';
  const code = [`${shared}/${ADAPTER}`, `${shared}/${APP}`] as const;
  const generated = [...generatedFiles()].map(([path, text]) => [`supabase/${path}`, bytes(text)] as const);
  return {
    target: 'supabase',
    folders: ['supabase/functions'],
    files: new Map([...generated, [code[0], entries.supabase], [code[1], app]]),
    code: ['supabase/functions/api/index.js', ...code],
  };
}

function vercel({ app, entries }: Bundle, project: VercelProject): Output {
  const folder = '.vercel/output';
  const code = [`${folder}/functions/api.func/index.mjs`, `${folder}/functions/api.func/${APP}`] as const;
  return {
    target: 'vercel',
    folders: [folder],
    files: new Map([
      [`${folder}/config.json`, json(vercelConfiguration(project))],
      [`${folder}/functions/api.func/.vc-config.json`, json(vercelFunction())],
      // Without it Node would take the application's file for CommonJS.
      [`${folder}/functions/api.func/package.json`, json({ type: 'module' })],
      [code[0], entries.vercel],
      [code[1], app],
    ]),
    code,
  };
}

function front(bundle: Bundle): Output {
  const index = 'dist/front/index.js';
  return { target: 'front', folders: ['dist/front'], files: new Map([[index, bundle.front]]), code: [index] };
}

const bytes = (text: string) => new TextEncoder().encode(text);
const json = (value: object) => bytes(`${JSON.stringify(value, null, 2)}\n`);
