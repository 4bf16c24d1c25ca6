/** Looks for what nobody may see in whatever a server gave away. */

export interface Secrets {
  /** Long texts that stand nowhere by chance, each with what it is. */
  readonly texts: ReadonlyMap<string, string>;
  /** The PINs in force. Two digits stand everywhere by chance, so only whole values are compared. */
  readonly pins: ReadonlySet<string>;
}

/** What is not a secret to somebody who sent it himself. */
type Sent = readonly string[];

/** Secrets in a text that are in nothing the caller sent. */
export function leaksInText(text: string, { texts }: Secrets, sent: Sent = []): string[] {
  return [...texts]
    .filter(([secret]) => text.includes(secret) && !sent.some((own) => own.includes(secret)))
    .map(([, what]) => what);
}

/** Secrets in a JSON value, each with the place where. */
export function leaksInValue(value: unknown, secrets: Secrets, sent: Sent = [], name = '$'): string[] {
  if (typeof value === 'string') {
    return secrets.pins.has(value) && !sent.includes(value) ? [`a PIN in force as ${name}`] : [];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const at = `${name}.${key}`;
    if (key === 'allPins' && Array.isArray(inner)) return inner.length === 0 ? [] : [`PINs as ${at}`];
    // An object is a description of the field, or what holds it: it is looked into.
    if (typeof inner === 'object' && inner !== null) return leaksInValue(inner, secrets, sent, at);
    if (/^emergency_?pin$/i.test(key)) return [`the emergency code as ${at}`];
    const isMasked = inner === null || inner === '**' || sent.includes(String(inner));
    if (/^(pin|currentPin)$/.test(key)) return isMasked ? [] : [`a PIN as ${at}`];
    return leaksInValue(inner, secrets, sent, at);
  });
}
