// Plain ANSI: colours, aligned columns, a bar.

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
const ESCAPE = '\u001b';

export type Paint = (style: keyof typeof CODES, text: string) => string;

/** Paints for a terminal that wants colours, and leaves the text alone for any other. */
export function createPaint(colours: boolean): Paint {
  return (style, text) => (colours ? `${ESCAPE}[${CODES[style]}m${text}${ESCAPE}[0m` : text);
}

/** Goes back over `lines` lines and clears from there, so that the next text replaces them. */
export function rewind(lines: number): string {
  return lines === 0 ? '' : `${ESCAPE}[${lines}F${ESCAPE}[J`;
}

/** Aligns rows: the first column to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[], gap = '  '): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join(gap)
      .trimEnd(),
  );
}

/** A bar of `width` characters, filled to `share` (0 to 1). */
export function bar(share: number, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * width);
  return '█'.repeat(filled) + '░'.repeat(width - filled);
}
