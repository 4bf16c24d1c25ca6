// One screen that listens for a whole day: reconnects as a browser does, and remembers what it heard.

/** Milliseconds until a browser connects anew when no stream says otherwise. */
const RETRY_MS = 500;

export interface EventListener {
  /** Ids of events in the order in which they arrived. */
  readonly heard: readonly string[];
  /** How often the stream was opened again. */
  readonly reconnects: () => number;
  /** Settles when the first stream has begun. */
  readonly connected: Promise<void>;
  close(): void;
}

/** Listens at this address until it is closed. */
export function listenForEvents(url: string): EventListener {
  const heard: string[] = [];
  const stop = new AbortController();
  let connections = 0;
  let lastId: string | undefined;
  let begun = () => {};
  const connected = new Promise<void>((resolve) => {
    begun = resolve;
  });

  function take(block: string): void {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
    const event = field('event');
    const id = field('id');
    if (event === 'connected') begun();
    if (id === undefined) return;
    lastId = id;
    if (event !== undefined && event !== 'connected' && event !== 'heartbeat') heard.push(id);
  }

  async function once(): Promise<void> {
    const answer = await fetch(url, {
      signal: stop.signal,
      headers: lastId === undefined ? {} : { 'Last-Event-ID': lastId },
    });
    if (answer.status !== 200 || !answer.body) return void (await answer.body?.cancel());
    connections += 1;
    const decoder = new TextDecoder();
    let rest = '';
    for await (const bytes of answer.body) {
      const blocks = (rest + decoder.decode(bytes, { stream: true })).split('\n\n');
      rest = blocks.pop() ?? '';
      blocks.forEach(take);
    }
  }

  async function keepListening(): Promise<void> {
    while (!stop.signal.aborted) {
      // A broken connection is what reconnecting is for.
      await once().catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
  void keepListening();
  return { heard, connected, reconnects: () => Math.max(0, connections - 1), close: () => stop.abort() };
}
