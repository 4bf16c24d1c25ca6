/** What a database holds, in a form that two of them, or one at two moments, can be compared by. */

type Rows = (query: string) => Promise<readonly object[]>;

const OUR_SCHEMAS = `('public', 'mmc_previous')`;

/** Every relation with its columns and rights, every function with its text, every constraint, trigger and policy. */
export async function schemaInventory(rows: Rows): Promise<readonly object[]> {
  return rows(`
    select 'relation' as kind, c.oid::regclass::text as name, c.relkind::text || coalesce(c.relacl::text, '') as detail,
      (select string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
          || case when a.attnotnull then ' not null' else '' end, ', ' order by a.attnum)
        from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns
    from pg_class c where c.relnamespace::regnamespace::text in ${OUR_SCHEMAS}
    union all
    select 'function', p.oid::regprocedure::text, coalesce(p.proacl::text, ''),
      md5(p.prosrc || coalesce(pg_get_function_sqlbody(p.oid), ''))
    from pg_proc p where p.pronamespace::regnamespace::text in ${OUR_SCHEMAS}
    union all
    select 'constraint', c.conrelid::regclass::text || ' ' || c.conname, pg_get_constraintdef(c.oid), ''
    from pg_constraint c where c.connamespace::regnamespace::text in ${OUR_SCHEMAS}
    union all
    select 'trigger', t.tgrelid::regclass::text || ' ' || t.tgname, pg_get_triggerdef(t.oid), ''
    from pg_trigger t where not t.tgisinternal
    union all
    select 'policy', p.polrelid::regclass::text || ' ' || p.polname, p.polcmd::text, ''
    from pg_policy p
    order by 1, 2, 3`);
}

/** Every row of every table, as text, by the table's name. */
export async function contents(rows: Rows): Promise<Record<string, readonly object[]>> {
  const tables = (await rows(`
    select c.oid::regclass::text as name from pg_class c
    where c.relkind = 'r' and c.relnamespace::regnamespace::text in ${OUR_SCHEMAS} order by 1`)) as {
    name: string;
  }[];
  const found: Record<string, readonly object[]> = {};
  for (const { name } of tables)
    found[name] = await rows(`select t::text as row from ${name} as t order by 1`);
  return found;
}
