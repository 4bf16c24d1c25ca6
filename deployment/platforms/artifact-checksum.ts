// Is a build of the Supabase functions the one that was deployed?
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** SHA-256 of the application file in a folder that holds `supabase/`; undefined where there is none. */
export async function checksumOf(folder: string): Promise<string | undefined> {
  const path = join(folder, 'supabase', 'functions', '_shared', 'app.js');
  const app = await readFile(path).catch(() => undefined);
  return app && createHash('sha256').update(app).digest('hex');
}
