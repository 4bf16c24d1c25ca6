// Streams are not rate-limited, but not unbounded either: the oldest of a user or an address makes place for a new one.

/** Most streams that one patient, and one address, may hold at once in this isolate. */
const MOST = { user: 6, address: 2_000 } as const;

export interface StreamOwners {
  readonly user: string | undefined;
  readonly address: string;
  /** Aborts when the client is gone. */
  readonly gone?: AbortSignal;
}

export interface StreamRegistry {
  /** Counts a stream for its owners; `end` is called when it must make place. The result takes it out again. */
  add(owners: StreamOwners, end: () => void): () => void;
  /** Ends every stream, and each that comes later at once: the process shuts down. */
  endAll(): void;
}

/** A registry for one isolate. */
export function createStreamRegistry(): StreamRegistry {
  const open = new Map<string, Set<() => void>>();
  let closed = false;

  function hold(key: string, most: number, end: () => void): () => void {
    const [oldest] = open.get(key) ?? [];
    if (oldest && (open.get(key)?.size ?? 0) >= most) {
      open.get(key)?.delete(oldest);
      oldest();
    }
    const streams = open.get(key) ?? new Set();
    open.set(key, streams.add(end));
    return () => {
      streams.delete(end);
      if (streams.size === 0 && open.get(key) === streams) open.delete(key);
    };
  }

  return {
    add({ user, address }, end) {
      if (closed) {
        end();
        return () => {};
      }
      const releases = [hold(`address:${address}`, MOST.address, end)];
      if (user !== undefined) releases.push(hold(`user:${user}`, MOST.user, end));
      return () => {
        for (const release of releases) release();
      };
    },
    endAll() {
      closed = true;
      for (const end of new Set([...open.values()].flatMap((streams) => [...streams]))) end();
    },
  };
}

/** Milliseconds after which a stream that must make place sees it. */
const LOOK_EVERY = 1_000;

/**
 * A registry for Workers, where no request may end the stream of another: each looks whether it must. One whose
 * client is gone just stops there, with nothing told to it but the signal.
 */
export function createWatchedRegistry(): StreamRegistry {
  const registry = createStreamRegistry();
  return {
    ...registry,
    add(owners, end) {
      let mustEnd = false;
      const release = registry.add(owners, () => {
        mustEnd = true;
      });
      const look = setInterval(() => {
        if (mustEnd) end();
      }, LOOK_EVERY);
      owners.gone?.addEventListener('abort', release);
      return () => {
        clearInterval(look);
        owners.gone?.removeEventListener('abort', release);
        release();
      };
    },
  };
}
