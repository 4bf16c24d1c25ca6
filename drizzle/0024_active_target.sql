-- Which target the front sends requests to: one row of `settings` that no endpoint reads or writes, since the settings
-- of staff are those of setting_rules(). `generation` counts the switches, so that of two at once one is refused.

-- {}: the target with the time of its switch and the one before it, or null before the first one.
create function active_target(p_args jsonb) returns jsonb
language sql stable
return jsonb_build_object('ok', true, 'active', (
  select s.value from settings s where s.key = 'active_target'));
--> statement-breakpoint
-- {target, generation, now?}: makes it the active one if the generation is still the given one (0 before the first
-- switch). Answers what is active then, and whether this call changed it.
create function set_active_target(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_expected int := (p_args ->> 'generation')::int;
  v_active jsonb := jsonb_build_object(
    'target', p_args ->> 'target',
    'changed_at', coalesce((p_args ->> 'now')::timestamptz, clock_timestamp()),
    'generation', v_expected + 1);
begin
  if (p_args ->> 'target') is null
      or (p_args ->> 'target') not in ('cloudflare', 'supabase', 'vercel', 'node') then
    return '{"ok": false, "code": "INVALID_FIELD", "field": "target"}';
  end if;
  if v_expected = 0 then
    insert into settings (key, value) values ('active_target', v_active) on conflict (key) do nothing;
  else
    update settings s set value = v_active || jsonb_build_object('previous', s.value -> 'target')
      where s.key = 'active_target' and (s.value ->> 'generation')::int = v_expected;
  end if;
  return active_target('{}') || jsonb_build_object('changed', found);
end
$$;
