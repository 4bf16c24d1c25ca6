/** The gate of migrations: what the running release uses stays, what it never knew or what is replaced may go. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removalsOf, removalsSince } from '../../deployment/expand-only.ts';
import { openRepository } from '../../deployment/repository.ts';
import { readMigrations } from '../../drizzle/migrator.ts';
import { makeReleaseRepository, type ReleaseRepository } from '../support/release-repository.ts';

describe('a migration', () => {
  it.each([
    ['drop table queues;', 'queues'],
    ['DROP TABLE IF EXISTS "public"."queues" CASCADE;', 'queues'],
    ['alter table queues drop column ticket;', 'ticket'],
    ['alter table queues drop ticket;', 'ticket'],
    ['alter table queues drop constraint queues_check;', 'queues_check'],
    ['alter table queues rename column ticket to number;', 'ticket'],
    ['alter table queues rename to lines;', 'queues'],
    ['alter table queues alter column ticket set data type int;', 'ticket'],
    ['alter table queues alter column ticket set not null;', 'ticket'],
    ['drop function call_next(text);', 'call_next'],
    ["do $$ begin execute 'x'; drop view if exists waiting; end $$;", 'waiting'],
    ['drop trigger guard on queues;', 'guard'],
    ['drop table lines, queues cascade;', 'queues'],
    ['alter table queues drop note, drop column if exists ticket;', 'ticket'],
    ['alter table queues drop if exists ticket;', 'ticket'],
    ['alter table queues alter column note drop default;', 'note'],
    ['alter table only "public"."queues" add column note text not null;', 'queues'],
    ['alter table queues add note text, add other text not null;', 'queues'],
    ["alter table queues add column code text default 'x' unique;", 'queues'],
    ['alter table queues add constraint short check (length(ticket) < 9);', 'queues'],
    ['alter table queues add unique (ticket, id);', 'queues'],
    ['alter table queues add constraint f foreign key (id) references lines (id) not valid;', 'queues'],
    ['create unique index concurrently if not exists one on queues (ticket);', 'queues'],
    [
      'drop function call_next(text), place_of(text, int); create function call_next(a text) returns int;',
      'place_of',
    ],
    ['drop function call_next; create function call_next(text) returns int;', 'call_next'],
    ['drop function call_next(text); create function call_next(int) returns int;', 'call_next'],
    ['drop function call_next(text); create function call_next(a text, b int) returns int;', 'call_next'],
    ['drop function call_next(text, int); create function call_next(a text) returns int;', 'call_next'],
    ['do $$ begin alter table queues drop column ticket; end $$;', 'ticket'],
  ])('%s takes something away', (statement, name) => {
    expect(removalsOf(statement).map((removal) => removal.name)).toContain(name);
  });

  it.each([
    'create table lines (id int);',
    'alter table queues add column note text;',
    'alter table queues alter column note drop not null;',
    "alter table queues add column note text not null default '', add day date;",
    'alter table queues add column n bigint not null generated always as identity;',
    'create table lines (id int); alter table lines add column n int not null, add unique (n);',
    'create table lines (id int); create unique index one on lines (id);',
    'drop index one; create unique index one on queues (id) where id > 0;',
    'create index two on queues (id);',
    "alter table queues alter column note set default '';",
    'drop index queues_idx;',
    '-- drop table queues;',
    'drop function call_next(text); create function call_next(a text, b numeric(4, 1) default abs(1)) returns int;',
    'drop function call_next(text); create or replace function public.call_next(text) returns int;',
    'drop policy p on queues; create policy p on queues using (true);',
    'alter table queues drop constraint c, add constraint c check (id > 0);',
  ])('%s takes nothing away', (statement) => {
    expect(removalsOf(statement)).toEqual([]);
  });

  it('of this project takes nothing away from the one before', async () => {
    const migrations = await readMigrations();
    const removals = migrations.flatMap(({ version, statements }) =>
      removalsOf(statements.join(';\n')).map(({ what }) => `${version}: ${what}`),
    );
    // The adoption of another schema, whose tables were never ours, cleans up after itself.
    expect(removals.filter((each) => !/^00(00|11)_/.test(each))).toEqual([]);
  });
});

describe('compared with a release', () => {
  let repository: ReleaseRepository;
  beforeEach(async () => {
    repository = await makeReleaseRepository();
  });
  afterEach(() => repository.remove());

  async function removalsAfter(sql: string): Promise<string[]> {
    const release = repository.git('rev-parse', 'HEAD');
    await repository.write('drizzle/0001_next.sql', sql);
    const entries = [{ tag: '0000_first' }, { tag: '0001_next' }];
    await repository.write('drizzle/meta/_journal.json', JSON.stringify({ entries }));
    const removals = await removalsSince(repository.root, openRepository(repository.root), release);
    return removals.map(({ what }) => what);
  }

  it('what its code names must stay, whatever the migration announces', async () => {
    const drop = 'alter table queues drop column ticket;';
    expect(await removalsAfter(drop)).toEqual(['drop column ticket']);
    expect(await removalsAfter(`-- contract: ticket\n${drop}`)).toEqual(['drop column ticket']);
  });

  it('what only its migrations name may go when the migration says so', async () => {
    const drop = 'alter table queues drop column old_note;';
    expect(await removalsAfter(drop)).toEqual(['drop column old_note']);
    expect(await removalsAfter(`-- contract: old_note\n${drop}`)).toEqual([]);
  });

  it('what it never heard of may go', async () => {
    expect(await removalsAfter('alter table queues drop column made_since;')).toEqual([]);
  });

  it('what a table that it knows asks of its rows is asked of its code', async () => {
    expect(await removalsAfter('alter table lines add unique (id);')).toEqual([]);
    expect(await removalsAfter('alter table queues add unique (id);')).toEqual([
      'alter table queues add unique',
    ]);
  });

  it('a git that cannot tell is no proof of anything', () => {
    const git = openRepository(repository.root);
    expect(git.mentions('HEAD', 'ticket', ['src'])).toBe(true);
    expect(git.mentions('HEAD', 'nothing_of_it', ['src'])).toBe(false);
    expect(() => git.mentions('no-such-commit', 'ticket', ['src'])).toThrow('git grep failed');
  });
});
