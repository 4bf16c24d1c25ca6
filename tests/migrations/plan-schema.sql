-- The migration plan's own schema, as a database in use may have it: what an adoption starts from.
create table admins (
  id uuid primary key default gen_random_uuid(),
  username text unique not null,
  password_hash text not null,
  role text default 'admin',
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);
create table patients (
  id uuid primary key default gen_random_uuid(),
  patient_id text unique not null,
  gender text check (gender in ('male', 'female')),
  session_id text unique,
  login_time timestamptz,
  status text default 'logged_in',
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);
create table clinics (
  id uuid primary key default gen_random_uuid(),
  code text unique not null,
  name text not null,
  call_interval int default 300,
  is_active boolean default true,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);
create table queues (
  id uuid primary key default gen_random_uuid(),
  clinic_code text references clinics (code) on delete cascade,
  patient_id text not null,
  queue_number int not null,
  status text default 'WAITING' check (status in ('WAITING', 'CALLED', 'IN_PROGRESS', 'COMPLETED', 'CANCELLED')),
  entered_at timestamptz default now(),
  called_at timestamptz,
  completed_at timestamptz,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);
create table pins (
  id uuid primary key default gen_random_uuid(),
  clinic_code text references clinics (code) on delete cascade,
  pin text not null,
  generated_at timestamptz default now(),
  expires_at timestamptz,
  is_active boolean default true,
  created_at timestamptz default now()
);
create table routes (
  id uuid primary key default gen_random_uuid(),
  route_id text unique not null,
  patient_id text not null,
  clinics jsonb not null,
  current_clinic text,
  completed_clinics jsonb default '[]',
  status text default 'active' check (status in ('active', 'completed', 'cancelled')),
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);
create table events (
  id uuid primary key default gen_random_uuid(),
  event_type text not null,
  clinic_code text,
  patient_id text,
  position int,
  data jsonb,
  created_at timestamptz default now()
);
create table settings (
  id uuid primary key default gen_random_uuid(),
  key text unique not null,
  value jsonb not null,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);
create table reports (
  id uuid primary key default gen_random_uuid(),
  report_type text not null check (report_type in ('daily', 'weekly', 'monthly', 'annual')),
  report_date date not null,
  data jsonb not null,
  created_at timestamptz default now(),
  unique (report_type, report_date)
);
create table rate_limits (
  id uuid primary key default gen_random_uuid(),
  client_id text not null,
  endpoint text not null,
  request_count int default 0,
  window_start timestamptz default now(),
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  unique (client_id, endpoint, window_start)
);

create index idx_queues_clinic on queues (clinic_code);
create index idx_queues_status on queues (status);
create unique index idx_queues_unique_active on queues (clinic_code, patient_id)
  where status in ('WAITING', 'CALLED', 'IN_PROGRESS');
create index idx_pins_clinic on pins (clinic_code, is_active);
create index idx_routes_patient on routes (patient_id);
create index idx_events_created on events (created_at);

create function update_updated_at_column() returns trigger language plpgsql as $$
begin
  new.updated_at = now();
  return new;
end;
$$;
create trigger update_admins_updated_at before update on admins
  for each row execute function update_updated_at_column();
create trigger update_patients_updated_at before update on patients
  for each row execute function update_updated_at_column();
create trigger update_clinics_updated_at before update on clinics
  for each row execute function update_updated_at_column();
create trigger update_queues_updated_at before update on queues
  for each row execute function update_updated_at_column();
create trigger update_routes_updated_at before update on routes
  for each row execute function update_updated_at_column();
create trigger update_settings_updated_at before update on settings
  for each row execute function update_updated_at_column();
create trigger update_rate_limits_updated_at before update on rate_limits
  for each row execute function update_updated_at_column();

create function get_next_queue_number(p_clinic_code text) returns int language plpgsql as $$
begin
  return (select coalesce(max(queue_number), 0) + 1 from queues
    where clinic_code = p_clinic_code and entered_at::date = current_date);
end;
$$;
create function enter_queue(p_clinic_code text, p_patient_id text, p_is_auto_entry boolean default false)
returns jsonb language plpgsql as $$
declare
  v_number int := get_next_queue_number(p_clinic_code);
begin
  insert into queues (clinic_code, patient_id, queue_number) values (p_clinic_code, p_patient_id, v_number);
  return jsonb_build_object('success', true, 'queue_number', v_number);
end;
$$;
create function call_next_patient(p_clinic_code text) returns jsonb language plpgsql as $$
declare
  v_entry queues;
begin
  select * into v_entry from queues where clinic_code = p_clinic_code and status = 'WAITING'
    order by queue_number limit 1;
  update queues set status = 'CALLED', called_at = now() where id = v_entry.id;
  return jsonb_build_object('success', true, 'patient_id', v_entry.patient_id);
end;
$$;
create function complete_patient_service(p_clinic_code text, p_patient_id text) returns jsonb language plpgsql as $$
begin
  update queues set status = 'COMPLETED', completed_at = now()
    where clinic_code = p_clinic_code and patient_id = p_patient_id;
  return jsonb_build_object('success', true);
end;
$$;
create function generate_daily_pins() returns jsonb language plpgsql as $$
begin
  update pins set is_active = false;
  insert into pins (clinic_code, pin, expires_at)
    select code, (floor(random() * 90) + 10)::text, date_trunc('day', now()) + interval '1 day' from clinics;
  return jsonb_build_object('success', true);
end;
$$;
create function get_current_pins() returns jsonb language sql as $$
  select jsonb_build_object('success', true, 'pins', jsonb_object_agg(clinic_code, pin)) from pins where is_active;
$$;
create function delete_old_events() returns void language sql as $$
  delete from events where created_at < now() - interval '1 hour';
$$;

alter table admins enable row level security;
alter table patients enable row level security;
alter table clinics enable row level security;
alter table queues enable row level security;
alter table pins enable row level security;
alter table routes enable row level security;
create policy "Anyone can read clinics" on clinics for select using (true);
create policy "Anyone can read queues" on queues for select using (true);
create policy "Anyone can update queues" on queues for update using (true);
create policy "Anyone can read pins" on pins for select using (true);
create policy "Anyone can read patients" on patients for select using (true);
create policy "Anyone can read routes" on routes for select using (true);
