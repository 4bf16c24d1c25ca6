-- A day in the life of the plan's database, dirty as its races left it. Times hang on `test.now`, a moment of the
-- committee's working day, so that "today" is the same day for whoever reads them.
insert into admins (username, password_hash) values ('director', '$2b$10$previous');
insert into rate_limits (client_id, endpoint, request_count) values ('10.0.0.1', 'login', 3);
insert into events (event_type, clinic_code, data) values ('CALLED', 'LAB', '{"queue_number": 1}');
insert into settings (key, value) values
  ('timezone', '"UTC"'), ('service_day_start', '"00:00"'), ('grace_minutes', '7'), ('theme', '"dark"');
insert into reports (report_type, report_date, data) values ('daily', '2025-10-01', '{"total_patients": 40}');

insert into clinics (code, name, call_interval, is_active) values
  ('LAB', 'Main laboratory', 120, true),
  ('xray', 'X-Ray', 300, false),
  ('XR', 'Radiology', 60, true),
  ('BIO', 'القياسات', 300, true),
  ('eyes', 'Ophthalmology', 300, true),
  ('DER', 'Dermatology', null, false),
  ('Physio Room', 'Physiotherapy', 300, true),
  ('nutrition', 'تغذية', 300, true);

insert into patients (patient_id, gender, session_id, login_time) values
  ('29900000001', 'male', 'session-1', current_setting('test.now')::timestamptz),
  ('29900000002', 'female', 'session-2', current_setting('test.now')::timestamptz);

-- LAB today: numbers 1, 2, 2, 3, 3, 3 (MAX + 1 raced), then 4 twice for one patient.
insert into queues (clinic_code, patient_id, queue_number, status, entered_at, called_at, completed_at)
select 'LAB', patient, number, status, moment,
  case when status in ('CALLED', 'COMPLETED') then moment + interval '5 minutes' end,
  case when status = 'COMPLETED' then moment + interval '9 minutes' end
from (
  select *, current_setting('test.now')::timestamptz - interval '1 hour' + place * interval '1 minute' as moment
  from (values
    (1, 'session-1', 1, 'COMPLETED'), (2, 'lab-b', 2, 'CALLED'), (3, 'lab-c', 2, 'WAITING'),
    (4, 'lab-gone', 3, 'CANCELLED'), (5, 'lab-d', 3, 'WAITING'), (6, 'lab-e', 3, 'WAITING'),
    (7, 'lab-f', 4, 'COMPLETED'), (8, 'lab-f', 4, 'WAITING')
  ) as raced(place, patient, number, status)
) as dated;
-- Both codes of one clinic, the same numbers and one patient in both.
insert into queues (clinic_code, patient_id, queue_number, status, entered_at) values
  ('xray', 'xray-a', 1, 'WAITING', current_setting('test.now')::timestamptz - interval '30 minutes'),
  ('XR', 'xray-b', 1, 'WAITING', current_setting('test.now')::timestamptz - interval '29 minutes'),
  ('XR', 'xray-a', 2, 'WAITING', current_setting('test.now')::timestamptz - interval '28 minutes');
-- States without their times, and numbers that are none.
insert into queues (clinic_code, patient_id, queue_number, status, entered_at, called_at, completed_at) values
  ('BIO', 'bio-a', 0, 'CALLED', current_setting('test.now')::timestamptz - interval '20 minutes', null, null),
  ('BIO', 'bio-b', -3, 'IN_PROGRESS', current_setting('test.now')::timestamptz - interval '19 minutes', null, null),
  ('BIO', 'bio-c', 1, 'COMPLETED', null, null, null);
-- Yesterday, when two entries were never closed; clinics that only the plan has; an entry of no clinic.
insert into queues (clinic_code, patient_id, queue_number, status, entered_at) values
  ('eyes', 'eyes-stale', 1, 'WAITING', current_setting('test.now')::timestamptz - interval '1 day'),
  ('eyes', 'eyes-called', 2, 'CALLED', current_setting('test.now')::timestamptz - interval '1 day'),
  ('eyes', 'eyes-done', 3, 'COMPLETED', current_setting('test.now')::timestamptz - interval '1 day'),
  ('Physio Room', 'physio-a', 7, 'WAITING', current_setting('test.now')::timestamptz - interval '10 minutes'),
  ('nutrition', 'food-a', 1, 'WAITING', current_setting('test.now')::timestamptz - interval '10 minutes'),
  (null, 'nowhere', 1, 'CANCELLED', current_setting('test.now')::timestamptz - interval '10 minutes');

-- PINs: one in force, an older one of the same clinic, a duplicate, one of three digits, one of yesterday.
insert into pins (clinic_code, pin, is_active, generated_at, expires_at)
select clinic, pin, active, current_setting('test.now')::timestamptz - age, current_setting('test.now')::timestamptz
from (values
  ('LAB', '42', true, interval '2 hours'), ('LAB', '41', true, interval '3 hours'),
  ('XR', '42', true, interval '1 hour'), ('BIO', '123', true, interval '2 hours'),
  ('eyes', '77', true, interval '1 day'), ('nutrition', '55', true, interval '2 hours'),
  ('DER', '66', false, interval '2 hours')
) as made(clinic, pin, active, age);

-- Routes: names, objects of several shapes, JSON inside a string, unknown clinics, two of one patient and day.
insert into routes (route_id, patient_id, clinics, current_clinic, completed_clinics, status, created_at) values
  ('route-older', 'session-1', '["LAB", "BIO"]', 'LAB', '[]', 'active',
    current_setting('test.now')::timestamptz - interval '2 hours'),
  ('route-names', 'session-1', '["LAB", "XR", "nowhere", "bio", "BIO"]', 'XR', '[]', 'active',
    current_setting('test.now')::timestamptz - interval '1 hour'),
  ('route-objects', 'session-2',
    '[{"id": "eye", "name": "العيون", "weight": 3, "note": "second door"}, {"id": 9, "code": "LAB"},
      {"name": "X-Ray", "weight": [], "status": "completed"}]',
    'eyes', '[{"clinic": "LAB"}]', 'active', current_setting('test.now')::timestamptz - interval '1 hour'),
  ('route-text', 'text-1', '"[\"eyes\", \"Physio Room\"]"', null, 'null', 'active',
    current_setting('test.now')::timestamptz - interval '1 hour'),
  ('route-finished', 'done-1', '["LAB", "eyes"]', null, '[]', 'completed',
    current_setting('test.now')::timestamptz - interval '1 day'),
  ('route-unknown', 'lost-1', '["nowhere", 5, null]', 'nowhere', '[]', 'active',
    current_setting('test.now')::timestamptz - interval '1 hour'),
  ('route-broken', 'lost-2', '"not json"', null, '{}', 'active',
    current_setting('test.now')::timestamptz - interval '1 hour'),
  ('route-cancelled', 'done-1', '["LAB"]', null, '[]', 'cancelled',
    current_setting('test.now')::timestamptz - interval '1 day');
