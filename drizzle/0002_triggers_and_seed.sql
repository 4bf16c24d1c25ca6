-- Triggers, the legal moves of a queue entry, the settings of the service day, the thirteen clinics.
create function update_updated_at_column() returns trigger
language plpgsql as $$
begin
  new.updated_at := now();
  return new;
end
$$;
--> statement-breakpoint
create trigger update_admins_updated_at before update on admins
  for each row execute function update_updated_at_column();
--> statement-breakpoint
create trigger update_patients_updated_at before update on patients
  for each row execute function update_updated_at_column();
--> statement-breakpoint
create trigger update_clinics_updated_at before update on clinics
  for each row execute function update_updated_at_column();
--> statement-breakpoint
create trigger update_queues_updated_at before update on queues
  for each row execute function update_updated_at_column();
--> statement-breakpoint
create trigger update_routes_updated_at before update on routes
  for each row execute function update_updated_at_column();
--> statement-breakpoint
create trigger update_settings_updated_at before update on settings
  for each row execute function update_updated_at_column();
--> statement-breakpoint
create trigger update_rate_limits_updated_at before update on rate_limits
  for each row execute function update_updated_at_column();
--> statement-breakpoint
-- The moves of a queue entry, kept by the database itself: a hand at a dashboard cannot bring back a
-- finished entry or skip the call that check-in needs.
create function guard_queue_move() returns trigger
language plpgsql as $$
begin
  if (old.status, new.status) in (
    ('WAITING', 'CALLED'), ('WAITING', 'COMPLETED'), ('WAITING', 'CANCELLED'),
    ('CALLED', 'IN_PROGRESS'), ('CALLED', 'COMPLETED'), ('CALLED', 'CANCELLED'), ('CALLED', 'NO_SHOW'),
    ('IN_PROGRESS', 'COMPLETED'), ('IN_PROGRESS', 'CANCELLED')
  ) then
    return new;
  end if;
  raise exception 'A queue entry cannot move from % to %', old.status, new.status
    using errcode = 'check_violation', constraint = 'queues_move_check', table = 'queues';
end
$$;
--> statement-breakpoint
create trigger guard_queues_move before update of status on queues
  for each row when (old.status is distinct from new.status) execute function guard_queue_move();
--> statement-breakpoint
-- The migrator passes these two from its configuration; every target must agree with them, since two
-- zones on one database would make two days, two counters and two PIN sets.
insert into settings (key, value)
values
  ('timezone', to_jsonb(current_setting('mmc.timezone'))),
  ('service_day_start', to_jsonb(current_setting('mmc.service_day_start')))
on conflict (key) do nothing;
--> statement-breakpoint
insert into clinics (code, name, name_ar, floor, page_code, aliases, display_order)
values
  ('lab', 'Laboratory', 'المختبر', 'M', 'LAB', '{clinic1}', 1),
  ('xray', 'X-Ray', 'الأشعة', 'M', 'XR', '{xr}', 2),
  ('vitals', 'Vital Signs', 'القياسات الحيوية', '2', 'BIO', '{bio}', 3),
  ('ecg', 'ECG', 'تخطيط القلب', '2', 'ECG', '{}', 4),
  ('audio', 'Audiometry', 'قياس السمع', '2', 'AUD', '{aud,audiology}', 5),
  ('eyes', 'Ophthalmology', 'العيون', '2', 'EYE', '{eye,ophthalmology}', 6),
  ('internal', 'Internal Medicine', 'الباطنية', '2', 'INT', '{int}', 7),
  ('ent', 'ENT', 'أنف وأذن وحنجرة', '2', 'ENT', '{}', 8),
  ('surgery', 'Surgery', 'الجراحة العامة', '2', 'SUR', '{sur}', 9),
  ('dental', 'Dental', 'الأسنان', '2', 'DNT', '{dnt}', 10),
  ('psychiatry', 'Psychiatry', 'الطب النفسي', '2', 'PSY', '{psy,psychology}', 11),
  ('derma', 'Dermatology', 'الجلدية', '3', 'DER', '{der,dermatology}', 12),
  ('bones', 'Orthopedics', 'العظام', '2', null, '{ortho,orthopedics}', 13)
on conflict (code) do nothing;
