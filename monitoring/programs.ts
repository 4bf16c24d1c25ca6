// The monitoring programs of this machine. No npm package brings them.
import { spawnSync } from 'node:child_process';

/** Each program by the Debian package that brings it. */
const PACKAGES = {
  prometheus: 'prometheus',
  promtool: 'prometheus',
  'prometheus-alertmanager': 'prometheus-alertmanager',
  amtool: 'prometheus-alertmanager',
  chromium: 'chromium',
} as const;

export type Program = keyof typeof PACKAGES;

/** Whether each of them is on the PATH. */
export function hasPrograms(...programs: readonly Program[]): boolean {
  return programs.every((program) => !spawnSync(program, ['--version'], { stdio: 'ignore' }).error);
}

/** Throws one sentence that names the packages which bring what is missing. */
export function requirePrograms(...programs: readonly Program[]): void {
  const missing = programs.filter((program) => !hasPrograms(program));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((program) => PACKAGES[program]))].join(' ');
  throw new Error(`Not installed: ${missing.join(', ')}. On Debian: apt-get install ${packages}`);
}
