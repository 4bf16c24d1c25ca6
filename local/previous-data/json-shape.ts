// What JSON.parse hides: a name that stands twice in one object (the last one wins without a word), how deep a text
// nests, and the text of each member or element.

export interface JsonShape {
  /** The members of the outermost object, repeated ones included, or the elements of the outermost array. */
  readonly parts: readonly JsonPart[];
  /** Whether any object in it names a member twice. */
  readonly repeats: boolean;
  /** How many brackets are open where most are. */
  readonly depth: number;
}

export interface JsonPart {
  /** Undefined of an array's element. */
  readonly name: string | undefined;
  readonly text: string;
}

/** The shape of a text that JSON.parse takes; of another one it means nothing. */
export function shapeOf(text: string): JsonShape {
  const parts: JsonPart[] = [];
  /** The names seen in each open bracket, the innermost last; undefined for an array. */
  const open: (Set<string> | undefined)[] = [];
  let repeats = false;
  let depth = 0;
  let awaitsName = false;
  let name: string | undefined;
  let start = 0;
  const endPart = (end: number) => {
    const part = text.slice(start, end).trim();
    if (open.length === 1 && part !== '') parts.push({ name, text: part });
  };

  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at];
    if (sign === '"') {
      const end = endOfString(text, at);
      const names = open.at(-1);
      if (names !== undefined && awaitsName) {
        const read: string = JSON.parse(text.slice(at, end + 1));
        repeats ||= names.has(read);
        names.add(read);
        if (open.length === 1) name = read;
      }
      at = end;
    } else if (sign === '{' || sign === '[') {
      open.push(sign === '{' ? new Set() : undefined);
      depth = Math.max(depth, open.length);
      awaitsName = sign === '{';
      if (open.length === 1) start = at + 1;
    } else if (sign === ':') {
      awaitsName = false;
      if (open.length === 1) start = at + 1;
    } else if (sign === ',') {
      endPart(at);
      awaitsName = open.at(-1) !== undefined;
      if (open.length === 1) start = at + 1;
    } else if (sign === '}' || sign === ']') {
      endPart(at);
      open.pop();
    }
  }
  return { parts, repeats, depth };
}

/** Where the string that begins at `from` has its closing quote. */
function endOfString(text: string, from: number): number {
  let end = from;
  let escapes = 0;
  do {
    end = text.indexOf('"', end + 1);
    if (end < 0) return text.length;
    escapes = 0;
    while (text[end - 1 - escapes] === '\\') escapes += 1;
  } while (escapes % 2 === 1);
  return end;
}
