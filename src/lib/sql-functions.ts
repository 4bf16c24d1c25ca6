// The SQL functions the application may call. What each must hold stands above it in drizzle/.

/**
 * What a function changes of what the cache holds: `read` changes nothing at all; every other one is a write and must
 * say what it touches. `lines` and `pins` answer with the `version` (or `versions`) of each line that they changed, also
 * when this call changed nothing. A route is never cached, since its id is a credential. `nothing`: accounts, sessions,
 * settings, limits.
 */
export type Touches = 'read' | 'lines' | 'pins' | 'route' | 'nothing';

/** Every function with what it touches. */
export const SQL_FUNCTIONS = {
  service_state: 'read',
  line_versions: 'read',
  enter_queue: 'lines',
  queue_position: 'read',
  queue_status: 'read',
  call_next_patient: 'lines',
  complete_patient_service: 'lines',
  get_current_pins: 'pins',
  generate_daily_pins: 'pins',
  create_route: 'route',
  get_route: 'read',
  login_patient: 'nothing',
  admin_login: 'read',
  // It changes no line, and a kept answer would not count.
  count_login_attempt: 'read',
  admin_logout: 'nothing',
  save_admin: 'nothing',
  count_admins: 'read',
  stream_start: 'read',
  stream_changes: 'read',
  missed_events: 'read',
  admin_view: 'pins',
  create_qr_session: 'nothing',
  use_qr_session: 'nothing',
  set_qr_session_device: 'nothing',
  qr_session_stats: 'read',
  patient_notices: 'read',
  enqueue_patient: 'lines',
  patient_progress: 'read',
  call_next_within_limits: 'lines',
  complete_by_staff: 'lines',
  process_clinic_code: 'lines',
  clinic_loads: 'read',
  queue_snapshot: 'read',
  stats_dashboard: 'read',
  stats_queues: 'read',
  admin_status: 'pins',
  queue_gauges: 'read',
  clinic_pins: 'pins',
  get_settings: 'read',
  save_settings: 'nothing',
  set_call_interval: 'lines',
  tick_state: 'read',
  close_past_line: 'lines',
  finish_past_days: 'nothing',
  make_daily_pins: 'pins',
  tick_clinic: 'lines',
  purge_old_rows: 'nothing',
  get_report: 'read',
  report_history: 'read',
  with_idempotency: 'nothing',
  active_target: 'read',
  // Called by commands only: no endpoint moves the public route.
  set_active_target: 'nothing',
} as const satisfies Record<string, Touches>;

export type SqlFunction = keyof typeof SQL_FUNCTIONS;

type Touching<Kind extends Touches> = {
  [Name in SqlFunction]: (typeof SQL_FUNCTIONS)[Name] extends Kind ? Name : never;
}[SqlFunction];

/** Those that anybody may call who has a database: there is nothing to forget after them. */
export type ReadFunction = Touching<'read'>;

/** Those that change the lines of one day, which their caller must name. */
export type LineFunction = Touching<'lines' | 'pins'>;
