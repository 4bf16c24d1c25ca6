// A migration must leave the version that runs working, since a rollback switches code and not data: this finds what would
// take something away from it, or ask something new of it.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Repository } from './repository.ts';
import { partsOf, plainName, statementsOf } from './sql-statements.ts';

export interface Removal {
  readonly migration: string;
  /** What it does, e.g. `drop column ticket`. */
  readonly what: string;
}

interface Change {
  readonly what: string;
  /** Whatever an earlier version must have known for this to matter to it. */
  readonly name: string;
}

const JOURNAL = 'drizzle/meta/_journal.json';

/**
 * What migrations that are newer than a release take away from it. What the release has never heard of may go. What only
 * its migrations still name may go as well, where the new migration says so: `-- contract: NAME`. Throws when git cannot
 * tell what the release names.
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
    const announced = [...text.matchAll(/^--\s*contract:\s*(\w+)\s*$/gim)].map(([, name]) => plainName(name));
    for (const { what, name } of removalsOf(text)) {
      const isUsed = repository.mentions(release, name, ['src', 'supabase-adapter']);
      const isKnown = isUsed || repository.mentions(release, name, ['drizzle']);
      if (isKnown && !(announced.includes(name) && !isUsed)) removals.push({ migration, what });
    }
  }
  return removals;
}

function tagsOf(journal: string | undefined): string[] {
  if (journal === undefined) return [];
  return (JSON.parse(journal) as { entries: { tag: string }[] }).entries.map(({ tag }) => tag);
}

/** Every change of a migration that takes something away or asks something new, also inside a `do` block. */
export function removalsOf(migration: string): Change[] {
  const text = statementsOf(migration).join('; ');
  return statementsOf(migration).flatMap((statement) => [
    ...dropsOf(statement, text),
    ...alterationsOf(statement, text),
    ...renamesOf(statement),
    ...uniqueIndexesOf(statement, text),
  ]);
}

/** Whole objects. An index serves speed only. */
const DROP =
  /\bdrop (?<kind>table|view|materialized view|function|procedure|aggregate|type|domain|schema|sequence|trigger|policy|extension) (?:if exists )?(?<list>[^';]+)/gi;

/** Recreated in the same migration under its name: replaced, not removed. */
const REPLACEABLE = ['view', 'trigger', 'policy'];

function dropsOf(statement: string, text: string): Change[] {
  return [...statement.matchAll(DROP)].flatMap(({ groups = {} }) => {
    const kind = (groups.kind ?? '').toLowerCase();
    return partsOf(groups.list ?? '').flatMap((part) => {
      const name = plainName(/^[\w."]+/.exec(part)?.[0]);
      const isReplaced = /^(function|procedure)$/.test(kind)
        ? isCallableAsBefore(kind, name, part, text)
        : REPLACEABLE.includes(kind) && isMade(`create (?:or replace )?${kind}`, name, text);
      return isReplaced ? [] : [{ what: `drop ${kind} ${name || part}`, name }];
    });
  });
}

/** What earlier code calls is still there: the same arguments, and others only with a default. */
function isCallableAsBefore(kind: string, name: string, dropped: string, text: string): boolean {
  const bracket = dropped.indexOf('(');
  if (bracket < 0) return false;
  const before = partsOf(dropped.slice(bracket + 1)).map((type) => type.toLowerCase());
  const made = new RegExp(`\\bcreate (?:or replace )?${kind} ${NAME_OF(name)} ?\\(`, 'gi');
  return [...text.matchAll(made)].some(({ 0: head, index }) => {
    const after = partsOf(text.slice(index + head.length)).map((argument) => {
      const [declared = '', ...byDefault] = argument.toLowerCase().split(/ default |:?=/);
      return { declared: declared.trim(), isOptional: byDefault.length > 0 };
    });
    return (
      after.every(({ declared, isOptional }, index) => {
        const type = before[index];
        if (type === undefined) return isOptional;
        return declared === type || declared.endsWith(` ${type}`);
      }) && after.length >= before.length
    );
  });
}

const NAME_OF = (name: string) => `(?:"?\\w+"?\\.)?"?${name}"?`;

const isMade = (how: string, name: string, text: string): boolean =>
  new RegExp(`\\b${how} ${NAME_OF(name)}(?!\\w)`, 'i').test(text);

const isNewTable = (table: string, text: string): boolean =>
  isMade('create (?:\\w+ )?table(?: if not exists)?', table, text);

/** What `alter table` may be asked, by how it takes something away; the first that fits counts. */
const ACTIONS: readonly { readonly is: RegExp; readonly asks?: 'of the table' }[] = [
  { is: /^drop constraint (?:if exists )?(?<name>[\w"]+)/ },
  { is: /^drop (?:column )?(?:if exists )?(?<name>[\w"]+)/ },
  {
    is: /^alter (?:column )?(?<name>[\w"]+) (?:(?:set data )?type|set not null|drop default|drop identity)\b/,
  },
  {
    is: /^add (?:constraint [\w"]+ )?(?:check|unique|primary key|foreign key|exclude|not null)\b/,
    asks: 'of the table',
  },
];

function alterationsOf(statement: string, text: string): Change[] {
  const altered = /\balter table (?:if exists )?(?:only )?(?<table>[\w."]+) (?<actions>[^;]+)/i.exec(
    statement,
  );
  const table = plainName(altered?.groups?.table);
  return partsOf(altered?.groups?.actions ?? '').flatMap((part) => {
    const action = part.toLowerCase();
    const found = ACTIONS.map(({ is, asks }) => ({ asks, match: is.exec(action) })).find(
      ({ match }) => match,
    );
    if (isNewTable(table, text) || isReplacedConstraint(action, text)) return [];
    if (found?.match) {
      const what = found.match[0];
      return [
        found.asks
          ? { what: `alter table ${table} ${what}`, name: table }
          : { what, name: plainName(found.match.groups?.name) },
      ];
    }
    return asksOfRows(action)
      ? [{ what: `alter table ${table} ${action.slice(0, SHOWN)}`, name: table }]
      : [];
  });
}

/** As much of a statement as a refusal quotes. */
const SHOWN = 80;

/** A new column that rows without it cannot have: what an earlier version inserts would be refused. */
function asksOfRows(action: string): boolean {
  const type = /^add (?:column )?(?:if not exists )?[\w"]+ (?<type>.+)/.exec(action)?.groups?.type;
  if (type === undefined) return false;
  const hasValue = /\bdefault\b|\bgenerated\b|^(?:small|big)?serial\b/.test(type);
  return hasValue ? /\bunique\b/.test(type) : /\bnot null\b|\bprimary key\b/.test(type);
}

/** A rule that this migration drops and adds again, as it does to widen it. */
function isReplacedConstraint(action: string, text: string): boolean {
  const [, verb = '', name = ''] = /^(drop|add) constraint (?:if exists )?"?(\w+)/.exec(action) ?? [];
  if (verb === '') return false;
  return isMade(verb === 'drop' ? 'add constraint' : 'drop constraint(?: if exists)?', name, text);
}

function renamesOf(statement: string): Change[] {
  const whole =
    /\balter (?:table|function|view|type|sequence) (?:if exists )?(?<name>[\w."]+)(?: ?\([^)]*\))? (?<how>rename to|set schema)\b/gi;
  const part =
    /\brename (?:(?:column|constraint|value|attribute) )?(?!to )(?<name>'?[\w"]+'?) (?<how>to)\b/gi;
  return [whole, part].flatMap((pattern) =>
    [...statement.matchAll(pattern)].map(({ 0: what, groups = {} }) => ({
      what: what.toLowerCase(),
      name: plainName(groups.name?.replaceAll("'", '')),
    })),
  );
}

/** What was allowed twice is allowed once from then on. */
function uniqueIndexesOf(statement: string, text: string): Change[] {
  const made =
    /\bcreate unique index (?:concurrently )?(?:if not exists )?(?<index>[\w"]+)? ?on (?:only )?(?<table>[\w."]+)/i.exec(
      statement,
    );
  if (!made) return [];
  const [index, table] = [plainName(made.groups?.index), plainName(made.groups?.table)];
  const isReplaced = index !== '' && isMade('drop index(?: concurrently)?(?: if exists)?', index, text);
  return isNewTable(table, text) || isReplaced ? [] : [{ what: made[0].toLowerCase(), name: table }];
}
