// One text for all JSON that means the same: key order and white space apart.

/** What stands in the text as it is, among the values that are still to be written. */
class Written {
  constructor(readonly text: string) {}
}

/** Behind each element, the last one too: the text is compared, never parsed. */
const COMMA = new Written(',');

/** The canonical text of a value that JSON.parse made. Keeps its own stack: a body may be nested 64 Ki deep. */
export function canonicalJson(value: unknown): string {
  let text = '';
  const rest: unknown[] = [value];
  while (rest.length > 0) {
    const next = rest.pop();
    if (next instanceof Written) {
      text += next.text;
    } else if (Array.isArray(next)) {
      text += '[';
      rest.push(new Written(']'));
      for (let i = next.length - 1; i >= 0; i -= 1) rest.push(COMMA, next[i]);
    } else if (typeof next === 'object' && next !== null) {
      text += '{';
      rest.push(new Written('}'));
      const sorted = Object.entries(next).sort(([a], [b]) => (a < b ? 1 : -1));
      for (const [key, member] of sorted) rest.push(COMMA, member, new Written(`${JSON.stringify(key)}:`));
    } else {
      text += JSON.stringify(next);
    }
  }
  return text;
}
