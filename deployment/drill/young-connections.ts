// Connections as browsers leave them to a proxy: never reused when the other side may be closing them.
import { Agent, getGlobalDispatcher, setGlobalDispatcher } from 'undici';

/**
 * Milliseconds of silence after which a connection is used no more. workerd closes one after 5 s (kj's default), and
 * `fetch` keeps it for 4 to 5: on a busy machine a request then meets the closing, and nobody answers it.
 */
const SILENT_MS = 1_000;

/** Gives `fetch` in this process such connections, until what it returns is called. */
export function useYoungConnections(): () => Promise<void> {
  const before = getGlobalDispatcher();
  const young = new Agent({ keepAliveTimeout: SILENT_MS, keepAliveMaxTimeout: SILENT_MS });
  setGlobalDispatcher(young);
  return async () => {
    setGlobalDispatcher(before);
    await young.destroy();
  };
}
