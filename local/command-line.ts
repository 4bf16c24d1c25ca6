// What every command of ours does alike: reads its flags, and tells a person what went wrong in one line.
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { DomainError, errorBody } from '../src/lib/errors.ts';
import { red } from './terminal.ts';

/** The flags as `parseArgs` reads them. A mistyped one ends the process: one line, the help, and exit code 2. */
export function readFlags<T extends ParseArgsConfig>(
  config: T,
  help: string,
): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    return refuseUsage(error instanceof Error ? error.message : String(error), help);
  }
}

/** Ends the process because of how the command was called. */
export function refuseUsage(message: string, help: string): never {
  console.error(`${red(message)}\n\n${help}`);
  process.exit(2);
}

/** The port that a flag names, 0 for any free one. A wrong one ends the process as `readFlags` does. */
export function portNumber(text: string, help: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65535) return port;
  return refuseUsage(`--port takes a number from 0 to 65535, not ${text}`, help);
}

/** Prints why the command failed, and lets the process end with exit code 1. */
export function reportFailure(error: unknown): void {
  console.error(red(sentenceOf(error)));
  process.exitCode = 1;
}

function sentenceOf(error: unknown): string {
  if (error instanceof DomainError) return errorBody(error, '', new Date()).message;
  // A host with several addresses that all refuse: the errors inside say it, the one around them says nothing.
  if (error instanceof AggregateError && error.message === '') return error.errors.map(sentenceOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
