// How an endpoint is described: once, in the compact notation of the contract (see ../shape-notation.ts).
import type { ErrorCode } from '../errors.ts';

export interface Endpoint {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  /** Who is admitted; `cron` also admits an admin. */
  readonly auth: 'public' | 'admin' | 'cron' | 'metrics';
  /** Said where an admin is shown more than the public. */
  readonly admin?: string;
  readonly summary: string;
  /** The query of a GET, the body of a write. */
  readonly input?: string;
  /** The login page posts a form. */
  readonly form?: true;
  /** Request headers that mean something here, with what they mean. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Status of the success; 200 unless said otherwise. */
  readonly status?: 201;
  /** The success; absent where it is not JSON or always an error. */
  readonly answer?: string;
  /** Content types of the success besides JSON, or in its place where there is no `answer`. */
  readonly types?: readonly string[];
  /** What else may be answered, by status. */
  readonly also?: Readonly<Record<string, string>>;
  /** Besides those that every endpoint can have, and those of its `auth`. */
  readonly errors?: readonly ErrorCode[];
}

/** Endpoints of one family, and the shapes that they share. */
export interface EndpointFamily {
  readonly name: string;
  readonly about: string;
  readonly shapes?: Readonly<Record<string, string>>;
  readonly endpoints: readonly Endpoint[];
}
