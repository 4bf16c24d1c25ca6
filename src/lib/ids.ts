// Where ids and randomness come from, as a part that tests replace.

export interface Ids {
  /** A UUID for requests and tokens: unique, not secret. */
  uuid(): string;
  /** 128 random bits as 22 characters of [A-Za-z0-9_-]: knowing it is its owner's only credential. */
  secret(): string;
  /** A number from 0 up to 1, to spread things in time: not secret. */
  fraction(): number;
}

export const randomIds: Ids = {
  uuid: () => crypto.randomUUID(),
  secret: () => base64Url(crypto.getRandomValues(new Uint8Array(16))),
  fraction: () => Math.random(),
};

/** Bytes as base64url without padding. */
export function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}
