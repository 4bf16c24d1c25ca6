/** What both Workers are deployed with: nothing that a platform writes down by itself may hold a patient's credential. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { unstable_readConfig } from 'wrangler';

const fileOf = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));

describe.each(['wrangler.toml', 'wrangler.front.toml'])('%s', (name) => {
  const { observability } = unstable_readConfig({ config: fileOf(name) });

  it('writes what the Worker logs, and no line of the platform with the address of a request', () => {
    expect(observability).toMatchObject({ enabled: true, logs: { enabled: true, invocation_logs: false } });
    expect(observability?.traces).toBeUndefined();
  });
});

describe('wrangler.front.toml', () => {
  it('takes no path of the page but the two that forms are posted to', () => {
    const patterns = [
      ...readFileSync(fileOf('wrangler.front.toml'), 'utf8').matchAll(/pattern = "example\.com(\/[^"]*)"/g),
    ].map(([, path]) => path);
    expect(patterns.filter((path) => path?.startsWith('/admin'))).toEqual(['/admin/login', '/admin/logout']);
    for (const pages of ['/', '/*', '/qr', '/admin', '/admin/*', '/admin*'])
      expect(patterns).not.toContain(pages);
  });
});
