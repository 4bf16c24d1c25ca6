/** The embedded cloud in a process of its own, for tests that kill it. Prints its URL, and ends with its standard input. */
import { startEmbeddedCloud } from '../../local/embedded-cloud.ts';

const [dataDir] = process.argv.slice(2);
if (dataDir === undefined) throw new Error('usage: cloud-process.ts DIRECTORY');

try {
  const cloud = await startEmbeddedCloud({ dataDir });
  console.log(cloud.databaseUrl);
  process.stdin.on('end', () => void cloud.close());
  process.stdin.resume();
} catch (cause) {
  console.log(cause instanceof Error ? cause.message : cause);
  process.exitCode = 1;
}
