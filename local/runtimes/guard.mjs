// Runs a command for as long as stdin is open and silent: however the parent ends, what it started ends too. Plain
// JavaScript, so that it costs no more than Node's own start.
import { spawn } from 'node:child_process';

/** Milliseconds that the command has for a clean stop. */
const PATIENCE = 3000;

const [command = '', ...args] = process.argv.slice(2);
const hasGroups = process.platform !== 'win32';
const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], detached: hasGroups });

/** The command and all that it started itself. @param {NodeJS.Signals} signal */
function kill(signal) {
  try {
    if (hasGroups && child.pid !== undefined) process.kill(-child.pid, signal);
    else child.kill(signal);
  } catch {
    // It is gone already.
  }
}

function stop() {
  kill('SIGTERM');
  setTimeout(() => kill('SIGKILL'), PATIENCE).unref();
}

child.on('error', (error) => {
  console.error(error.message);
  process.exit(127);
});
child.on('exit', (code) => {
  kill('SIGKILL');
  process.exit(code ?? 1);
});
process.stdin.on('end', stop).on('error', stop);
// Anything that is said means: at once, as a machine that dies.
process.stdin.on('data', () => kill('SIGKILL'));
// A Ctrl-C reaches the parent as well, and it decides: it may still have to answer what is held.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
