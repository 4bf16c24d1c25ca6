/** The page in a real Chromium, as its test drives it and sees it. `page-browser.ts` only says what a browser would do. */
import { type Chromium, startChromium, UNTIL_CLOSED } from '../../monitoring/chromium.ts';
import { newId } from '../contract/http.ts';
import type { Frame, Seen } from '../contract/page-browser.ts';
import { until } from '../support/until.ts';
import { type OnTheWire, type PageHost, startPageHost } from './page-host.ts';

/** Milliseconds. A browser starts slowly where two cores are shared with many. */
const OPENED_WITHIN = 90_000;
const DONE_WITHIN = 30_000;

const CONSOLE = /:CONSOLE\b[^\]]*\] (.*)/g;

/** What fetch in the page gave. */
export interface PageAnswer extends Omit<Seen, 'headers'> {
  /** What web page mode answered otherwise. */
  readonly originalStatus: string | null;
}

/** One answer to the question for the place, as it stood on the screen. */
export interface Shown extends Pick<Seen, 'status' | 'body'> {
  readonly number: string;
  /** `Date.now()` in the page. */
  readonly at: number;
}

export interface Heard extends Frame {
  readonly stream: 'everybody' | 'own';
}

type Report =
  | { readonly kind: 'opened' }
  | ({ readonly kind: 'result'; readonly id: number } & Result)
  | (Shown & { readonly kind: 'shown' })
  | (Heard & { readonly kind: 'frame' });

interface Result {
  readonly value?: unknown;
  readonly failure?: string;
}

export class ChromiumPage {
  /** By the page that is open now, in their order. */
  readonly shown: Shown[] = [];
  readonly heard: Heard[] = [];
  readonly #results = new Map<number, Result>();
  #steps = 0;
  #opened = 0;
  /** Lines of the console. */
  #looked = 0;
  #host: PageHost | undefined;
  #chromium: Chromium | undefined;

  /** Serves the page before this API, and opens it in a browser that was never there. */
  static async open(api: string): Promise<ChromiumPage> {
    const page = new ChromiumPage();
    try {
      page.#host = await startPageHost(api, (json) => page.#hear(JSON.parse(json)));
      page.#chromium = await startChromium(`${page.origin}/`, [
        UNTIL_CLOSED,
        // The console, as the browser itself writes it.
        '--enable-logging=stderr',
      ]);
      await Promise.race([page.#isOpen(1), page.#chromium.ended]);
      if (page.#opened === 0) throw new Error(`Chromium opened no page:\n${page.#chromium.output()}`);
      return page;
    } catch (cause) {
      await page.close();
      throw cause;
    }
  }

  get origin(): string {
    return this.#host?.url ?? '';
  }

  /** Requests to the backend whose path begins so, in their order. */
  wire(path: string): readonly OnTheWire[] {
    return this.#host?.wire.filter((sent) => sent.path.startsWith(path)) ?? [];
  }

  /** Leaves the page for another of its addresses. */
  async load(path: string): Promise<void> {
    const next = this.#opened + 1;
    this.#tell('leave', path);
    await this.#isOpen(next);
  }

  get(path: string): Promise<PageAnswer> {
    return this.#do('get', path);
  }

  post(path: string, json: unknown): Promise<PageAnswer> {
    return this.#do('post', path, json);
  }

  /** A form, with the cookie sent and taken, and redirects followed. */
  submit(path: string, fields: Readonly<Record<string, string>>): Promise<PageAnswer> {
    return this.#do('submit', path, fields);
  }

  /** What scripts see of the cookies. */
  cookie(): Promise<string> {
    return this.#do('cookie');
  }

  /** From now on the page asks for the place again as soon as there is an answer. */
  watch(clinic: string): Promise<void> {
    return this.#do('watch', clinic);
  }

  /** What came to the console since the last look, errors that nobody caught included. */
  async console(): Promise<readonly string[]> {
    const mark = newId('mark');
    await this.#do('say', mark);
    const lines = await until(
      'the console was read',
      () => [...(this.#chromium?.output() ?? '').matchAll(CONSOLE)].map(([, text = '']) => text),
      (texts) => texts.some((text) => text.includes(mark)),
      DONE_WITHIN,
    );
    const from = this.#looked;
    this.#looked = lines.findIndex((text) => text.includes(mark)) + 1;
    return lines.slice(from, this.#looked - 1);
  }

  async close(): Promise<void> {
    await this.#chromium?.close();
    await this.#host?.close();
  }

  async #do<Value>(name: string, ...input: unknown[]): Promise<Value> {
    const id = this.#tell(name, ...input);
    const result = await until(
      `the page did ${name} ${JSON.stringify(input)}`,
      () => this.#results.get(id),
      (found) => found !== undefined,
      DONE_WITHIN,
    );
    if (result?.failure !== undefined) throw new Error(`${name} in the page: ${result.failure}`);
    return result?.value as Value;
  }

  #tell(name: string, ...input: unknown[]): number {
    this.#steps += 1;
    this.#host?.tell({ id: this.#steps, name, input });
    return this.#steps;
  }

  async #isOpen(count: number): Promise<void> {
    await until(
      'the page is open',
      () => this.#opened,
      (opened) => opened >= count,
      OPENED_WITHIN,
    );
  }

  #hear(report: Report): void {
    if (report.kind === 'result') this.#results.set(report.id, report);
    else if (report.kind === 'shown') this.shown.push(report);
    else if (report.kind === 'frame') this.heard.push(report);
    else {
      this.#opened += 1;
      this.shown.length = 0;
      this.heard.length = 0;
    }
  }
}
