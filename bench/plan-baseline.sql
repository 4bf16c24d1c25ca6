-- The migration plan's way of taking a number and calling a patient, for comparison only: MAX + 1, COUNT(*) + 1, an
-- unlocked SELECT before the UPDATE. It has our indexes, but none of them is unique: its duplicates can happen.
-- It writes no events, knows no priority and checks nobody's token, all to its advantage.
create schema plan;
create table plan.queues (
  id uuid primary key default gen_random_uuid(),
  clinic_code text not null references public.clinics (code) on delete cascade,
  patient_id text not null,
  queue_number int not null,
  service_day date not null,
  status text not null default 'WAITING',
  entered_at timestamptz not null default now(),
  called_at timestamptz
);
create index on plan.queues (clinic_code, patient_id) where status in ('WAITING', 'CALLED', 'IN_PROGRESS');
create index on plan.queues (clinic_code, patient_id, service_day) where status not in ('CANCELLED', 'NO_SHOW');
create index on plan.queues (service_day, clinic_code, queue_number);
create index on plan.queues (clinic_code, service_day, queue_number) where status = 'WAITING';
create index on plan.queues (patient_id, service_day);

create function plan.enter_queue(p_clinic text, p_patient text, p_day date) returns jsonb
language plpgsql as $$
declare
  v_number int;
  v_place int;
begin
  select coalesce(max(queue_number), 0) + 1 into v_number
    from plan.queues where clinic_code = p_clinic and service_day = p_day;
  select count(*) + 1 into v_place
    from plan.queues where clinic_code = p_clinic and service_day = p_day and status = 'WAITING';
  insert into plan.queues (clinic_code, patient_id, queue_number, service_day)
    values (p_clinic, p_patient, v_number, p_day);
  return jsonb_build_object('number', v_number, 'position', v_place);
end
$$;

create function plan.call_next_patient(p_clinic text, p_day date) returns jsonb
language plpgsql as $$
declare
  v_entry plan.queues;
begin
  select * into v_entry from plan.queues
    where clinic_code = p_clinic and service_day = p_day and status = 'WAITING'
    order by queue_number
    limit 1;
  if not found then
    return jsonb_build_object('patient', null);
  end if;
  update plan.queues set status = 'CALLED', called_at = now() where id = v_entry.id;
  return jsonb_build_object('patient', v_entry.patient_id, 'number', v_entry.queue_number);
end
$$;
