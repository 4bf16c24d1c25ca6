// The scheduler of a platform, on this machine: once a minute, as its cron would.
const MINUTE = 60_000;

/** Calls at each full minute, one call at a time; a failure goes to `onFailure` and ends nothing. Gives what stops it. */
export function everyMinute(call: () => Promise<void>, onFailure: (cause: unknown) => void): () => void {
  let timer: NodeJS.Timeout;
  const plan = () => {
    timer = setTimeout(() => void call().catch(onFailure).finally(plan), MINUTE - (Date.now() % MINUTE));
  };
  plan();
  return () => clearTimeout(timer);
}
