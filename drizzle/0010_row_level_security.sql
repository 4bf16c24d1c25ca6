-- Deny is the default. The API connects as the owner; whoever holds a public key of the platform (the roles anon
-- and authenticated, where they exist) may read the clinics and nothing else. RLS does not cover TRUNCATE, and
-- functions are executable by PUBLIC unless revoked: both rights are taken away here. The plan's policies (anyone
-- may update queues and read PINs, patients and routes) are not carried over on purpose.
create policy clinics_are_public on clinics for select using (true);
--> statement-breakpoint
do $$
declare
  v_table record;
  v_function record;
  v_role text;
  v_roles text[] := array['public'] || array(
    select r.rolname::text from pg_roles r where r.rolname in ('anon', 'authenticated'));
begin
  for v_table in
    select c.oid::regclass as name, c.relkind from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'S', 'v', 'm')
      and pg_has_role(c.relowner, 'usage')
      and not exists (
        select 1 from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
  loop
    if v_table.relkind in ('r', 'p') then
      execute format('alter table %s enable row level security', v_table.name);
    end if;
    foreach v_role in array v_roles loop
      execute format('revoke all on %s %s from %s',
        case v_table.relkind when 'S' then 'sequence' else 'table' end, v_table.name,
        case v_role when 'public' then 'public' else quote_ident(v_role) end);
    end loop;
  end loop;

  for v_function in
    select p.oid::regprocedure as signature from pg_proc p
    where p.pronamespace = 'public'::regnamespace and pg_has_role(p.proowner, 'usage')
      and not exists (
        select 1 from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
  loop
    foreach v_role in array v_roles loop
      execute format('revoke all on function %s from %s', v_function.signature,
        case v_role when 'public' then 'public' else quote_ident(v_role) end);
    end loop;
  end loop;

  foreach v_role in array v_roles loop
    if v_role <> 'public' then
      execute format('grant select on clinics to %I', v_role);
      -- What later migrations add starts closed as well.
      execute format('alter default privileges in schema public revoke all on tables from %I', v_role);
      execute format('alter default privileges in schema public revoke all on sequences from %I', v_role);
      execute format('alter default privileges in schema public revoke all on functions from %I', v_role);
    end if;
  end loop;
  alter default privileges revoke execute on functions from public;
end
$$;
--> statement-breakpoint
-- A statement that a client gave up after five seconds must not commit later. For this role in this database only:
-- other databases and roles of the server keep their own.
do $$
begin
  execute format('alter role current_user in database %I set statement_timeout = %L', current_database(), '4s');
end
$$;
