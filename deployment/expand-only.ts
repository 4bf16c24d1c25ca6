// A migration must leave the version that runs working, since a rollback switches code and not data: this finds what would
// take something away from it.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Repository } from './repository.ts';

export interface Removal {
  readonly migration: string;
  /** What it does, e.g. `drop column ticket`. */
  readonly what: string;
}

/** Statements that take something away, with the name of what. An index serves speed only. */
const REMOVING: readonly RegExp[] = [
  /\bdrop\s+(?<kind>table|view|materialized view|function|procedure|type|schema|sequence|trigger|policy)\s+(?:if\s+exists\s+)?(?<name>[\w."]+)/gi,
  /\bdrop\s+(?<kind>column|constraint)\s+(?:if\s+exists\s+)?(?<name>[\w"]+)/gi,
  /\balter\s+table\s+[^;]*?\bdrop\s+(?!column\b|constraint\b|default\b|not\b|if\b)(?<name>[\w"]+)/gi,
  /\balter\s+(?:column\s+)?(?<name>[\w"]+)\s+(?<kind>(?:set\s+data\s+)?type|set\s+not\s+null)\b/gi,
  /\brename\s+(?:(?:column|constraint|value)\s+)?(?<name>[\w"]+)\s+(?<kind>to)\b/gi,
  /\balter\s+(?:table|function|view|type|sequence)\s+(?:if\s+exists\s+)?(?<name>[\w."]+)(?:\s*\([^)]*\))?\s+(?<kind>rename\s+to|set\s+schema)\b/gi,
];

/** Recreated in the same migration under its name: replaced, not removed. */
const REPLACEABLE = ['view', 'function', 'procedure', 'trigger', 'policy', 'constraint'];

/**
 * What migrations that are newer than a release take away from it. What the release has never heard of may go. What only
 * its migrations still name may go as well, where the new migration says so: `-- contract: NAME`.
 */
export async function removalsSince(
  root: string,
  repository: Repository,
  release: string,
): Promise<Removal[]> {
  const known = new Set(tagsOf(repository.fileAt(release, JOURNAL)));
  const fresh = tagsOf(await readFile(join(root, JOURNAL), 'utf8')).filter((tag) => !known.has(tag));
  const removals: Removal[] = [];
  for (const migration of fresh) {
    const text = await readFile(join(root, 'drizzle', `${migration}.sql`), 'utf8');
    const announced = [...text.matchAll(/^--\s*contract:\s*(\w+)\s*$/gim)].map(([, name]) => name);
    for (const { what, name } of removalsOf(text)) {
      const isUsed = repository.mentions(release, name, ['src', 'supabase-adapter']);
      const isKnown = isUsed || repository.mentions(release, name, ['drizzle']);
      if (isKnown && !(announced.includes(name) && !isUsed)) removals.push({ migration, what });
    }
  }
  return removals;
}

const JOURNAL = 'drizzle/meta/_journal.json';

function tagsOf(journal: string | undefined): string[] {
  if (journal === undefined) return [];
  return (JSON.parse(journal) as { entries: { tag: string }[] }).entries.map(({ tag }) => tag);
}

/** Every statement of a migration that takes something away, also inside a `do` block. */
export function removalsOf(migration: string): { readonly what: string; readonly name: string }[] {
  const text = migration
    .replace(/--[^\n]*/g, ' ')
    .replace(/\/\*[\s\S]*?\*\//g, ' ')
    .replace(/\s+/g, ' ');
  return REMOVING.flatMap((pattern) => [...text.matchAll(pattern)]).flatMap(
    ({ 0: statement, groups = {} }) => {
      const name = (groups.name ?? '').replaceAll('"', '').split('.').at(-1) ?? '';
      const kind = groups.kind?.toLowerCase() ?? '';
      const made = new RegExp(`\\b(create( or replace)?|add) ${kind} ("?\\w+"?\\.)?"?${name}\\b`, 'i');
      const isReplaced = REPLACEABLE.includes(kind) && made.test(text);
      return isReplaced ? [] : [{ what: statement.trim().toLowerCase(), name }];
    },
  );
}
