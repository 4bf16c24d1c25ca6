-- A switch that was taken back leaves the row as it was, but for its count: the target that failed must not become the
-- one to return to.

-- {target, generation, previous?, now?}: makes it the active one if the generation is still the given one (0 before the
-- first switch). `previous` is what came before it, null for none; without the key, the target that is active now.
-- Answers what is active then, and whether this call changed it.
create or replace function set_active_target(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  c_targets constant text[] := '{cloudflare,supabase,vercel,node}';
  v_expected int := (p_args ->> 'generation')::int;
  v_active jsonb := jsonb_build_object(
    'target', p_args ->> 'target',
    'changed_at', coalesce((p_args ->> 'now')::timestamptz, clock_timestamp()),
    'generation', v_expected + 1);
begin
  if (p_args ->> 'target') is null or (p_args ->> 'target') <> all (c_targets) then
    return '{"ok": false, "code": "INVALID_FIELD", "field": "target"}';
  end if;
  if (p_args ->> 'previous') <> all (c_targets) then
    return '{"ok": false, "code": "INVALID_FIELD", "field": "previous"}';
  end if;
  if v_expected = 0 then
    insert into settings (key, value) values ('active_target', v_active) on conflict (key) do nothing;
  else
    update settings s set value = v_active || jsonb_build_object('previous',
        case when p_args ? 'previous' then p_args -> 'previous' else s.value -> 'target' end)
      where s.key = 'active_target' and (s.value ->> 'generation')::int = v_expected;
  end if;
  return active_target('{}') || jsonb_build_object('changed', found);
end
$$;
