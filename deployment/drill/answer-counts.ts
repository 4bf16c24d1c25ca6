// What the clients of this process got from one address, by phases of the drill.

export interface AnswerCounts {
  answers: number;
  /** 500 to 599. */
  errors: number;
  /** How many of them, and of the broken ones, by who answered what where, e.g. `front 503 /api/v1/queue/call`. */
  readonly kinds: Record<string, number>;
  /** No answer: the connection broke. */
  broken: number;
}

export interface AnswerWatch {
  /** Counts under another heading from now on; a request counts where it was sent. */
  phase(name: string): void;
  /** Counts what has been sent and not answered yet under this heading. */
  setAside(name: string): void;
  readonly phases: ReadonlyMap<string, AnswerCounts>;
  close(): void;
}

const noAnswers = (): AnswerCounts => ({ answers: 0, errors: 0, kinds: {}, broken: 0 });

/** Counts every answer to the process' own fetch from this address. What a caller aborts does not count. */
export function watchAnswers(url: string): AnswerWatch {
  const phases = new Map<string, AnswerCounts>();
  const underWay = new Set<{ counts: AnswerCounts }>();
  const original = globalThis.fetch;
  let current = noAnswers();
  globalThis.fetch = async (input, init) => {
    const asked = String(input instanceof Request ? input.url : input);
    if (!asked.startsWith(url)) return original(input, init);
    const { pathname } = new URL(asked);
    const request = { counts: current };
    underWay.add(request);
    try {
      const answer = await original(input, init);
      const { counts } = request;
      counts.answers += 1;
      if (answer.status >= 500) {
        counts.errors += 1;
        count(counts, `${answer.headers.get('X-Served-By')} ${answer.status} ${pathname}`);
      }
      return answer;
    } catch (error) {
      if (!init?.signal?.aborted) {
        request.counts.broken += 1;
        count(request.counts, `${reasonOf(error)} ${pathname}`);
      }
      throw error;
    } finally {
      underWay.delete(request);
    }
  };
  const countsOf = (name: string) => {
    const counts = phases.get(name) ?? noAnswers();
    phases.set(name, counts);
    return counts;
  };
  return {
    phases,
    phase(name) {
      current = countsOf(name);
    },
    setAside(name) {
      for (const request of underWay) request.counts = countsOf(name);
    },
    close() {
      globalThis.fetch = original;
    },
  };
}

function count({ kinds }: AnswerCounts, kind: string): void {
  kinds[kind] = (kinds[kind] ?? 0) + 1;
}

/** What undici says of the connection, e.g. `UND_ERR_SOCKET`. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'broken';
}
