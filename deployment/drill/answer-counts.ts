// What the clients of this process got from one address, by phases of the drill.

export interface AnswerCounts {
  answers: number;
  /** 500 to 599. */
  errors: number;
  /** No answer: the connection broke. */
  broken: number;
}

export interface AnswerWatch {
  /** Counts under another heading from now on; a request counts where it was sent. */
  phase(name: string): void;
  readonly phases: ReadonlyMap<string, AnswerCounts>;
  close(): void;
}

/** Counts every answer to the process' own fetch from this address. What a caller aborts does not count. */
export function watchAnswers(url: string): AnswerWatch {
  const phases = new Map<string, AnswerCounts>();
  const original = globalThis.fetch;
  let current: AnswerCounts = { answers: 0, errors: 0, broken: 0 };
  globalThis.fetch = async (input, init) => {
    const counts = String(input instanceof Request ? input.url : input).startsWith(url) ? current : undefined;
    try {
      const answer = await original(input, init);
      if (counts) counts.answers += 1;
      if (counts && answer.status >= 500) counts.errors += 1;
      return answer;
    } catch (error) {
      if (counts && !init?.signal?.aborted) counts.broken += 1;
      throw error;
    }
  };
  return {
    phases,
    phase(name) {
      current = phases.get(name) ?? { answers: 0, errors: 0, broken: 0 };
      phases.set(name, current);
    },
    close() {
      globalThis.fetch = original;
    },
  };
}
