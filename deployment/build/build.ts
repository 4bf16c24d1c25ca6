// From the source to what each platform takes.
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { buildCommit } from './build-commit.ts';
import { bundle } from './bundle.ts';
import { type Cost, costsOf } from './costs.ts';
import { type Output, outputsOf } from './outputs.ts';
import { gzipSize, type Size, sizeOf } from './sizes.ts';
import type { VercelProject } from './vercel-output.ts';

export interface BuildOptions {
  /** The project's folder. */
  readonly root: string;
  /** Where the outputs go; the project's folder when left out. */
  readonly into?: string;
  /** Baked in; what git says when left out. */
  readonly commit?: string;
  /** Called when a target's files are written. */
  readonly onWritten?: (output: Output) => void;
}

export interface BuildResult {
  readonly commit: string;
  readonly sizes: readonly Size[];
  readonly costs: readonly Cost[];
}

/** Builds every target. The folders of earlier outputs are replaced. */
export async function buildAll({ root, into = root, commit, onWritten }: BuildOptions): Promise<BuildResult> {
  const baked = commit ?? buildCommit(root);
  const made = await bundle(root, baked);
  const project = JSON.parse(await readFile(join(root, 'vercel.json'), 'utf8')) as VercelProject;
  const outputs = outputsOf(made, project);
  for (const output of outputs) {
    await write(into, output);
    onWritten?.(output);
  }
  return {
    commit: baked,
    sizes: outputs.map(sizeOf),
    costs: costsOf(made.metafile, gzipSize(made.app)),
  };
}

/**
 * Each file is replaced in one step and leftovers go last: whoever runs an earlier output meanwhile, or builds at the
 * same time, always finds whole files.
 */
async function write(into: string, { folders, files }: Output): Promise<void> {
  for (const [path, content] of files) {
    const file = join(into, path);
    const unfinished = `${file}.${randomUUID()}.tmp`;
    await mkdir(dirname(file), { recursive: true });
    await writeFile(unfinished, content);
    await rename(unfinished, file);
  }
  for (const folder of folders) {
    const found = await readdir(join(into, folder), { recursive: true, withFileTypes: true });
    const leftovers = found
      .filter((entry) => !entry.isDirectory() && !entry.name.endsWith('.tmp'))
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => !files.has(relative(into, path).replaceAll(sep, '/')));
    for (const path of leftovers) await rm(path, { force: true });
  }
}
