// Migrations taken apart as far as the gate on them needs: statements, lists, what stands in brackets. No SQL parser: a
// body of a function and a `do` block are read like everything else, since they may take something away as well.

/** The statements, without comments and with single blanks. */
export function statementsOf(migration: string): string[] {
  return migration
    .replaceAll('--> statement-breakpoint', ';')
    .replace(/--[^\n]*/g, ' ')
    .replace(/\/\*[\s\S]*?\*\//g, ' ')
    .replace(/\s+/g, ' ')
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

/** The parts of a list; a comma in brackets parts nothing. Ends where a bracket closes that was not opened. */
export function partsOf(list: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  let at = 0;
  for (; at < list.length && depth >= 0; at += 1) {
    const sign = list[at];
    if (sign === '(') depth += 1;
    if (sign === ')') depth -= 1;
    if (sign === ',' && depth === 0) {
      parts.push(list.slice(from, at));
      from = at + 1;
    }
  }
  parts.push(list.slice(from, depth < 0 ? at - 1 : at));
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

/** A name without quotes, schema and letter case. */
export const plainName = (name = ''): string =>
  name.replaceAll('"', '').split('.').at(-1)?.toLowerCase() ?? '';
