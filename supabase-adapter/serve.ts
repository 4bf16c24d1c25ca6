// The Deno entry of every Supabase function; `npm run build` writes a file of two lines for each that calls it.
import { functionHandler } from './function-handler.ts';

declare const Deno: {
  readonly env: { toObject(): Record<string, string> };
  serve(handler: (request: Request) => Response | Promise<Response>): unknown;
};

/** Supabase's own global; a plain Deno has none, and keeps work going by itself. */
declare const EdgeRuntime: { waitUntil(work: Promise<unknown>): void } | undefined;

/** Serves the function of this name. */
export function serveFunction(name: string): void {
  const waitUntil = (work: Promise<unknown>) => {
    if (typeof EdgeRuntime !== 'undefined') EdgeRuntime.waitUntil(work);
  };
  Deno.serve(functionHandler(name, Deno.env.toObject(), waitUntil));
}
