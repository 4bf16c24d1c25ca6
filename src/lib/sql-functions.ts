// The SQL functions the application may call. What each must hold stands above it in drizzle/.

/** `write` functions change a line: what they return names the clinics whose version rose. */
export const SQL_FUNCTIONS = {
  service_state: 'read',
  line_versions: 'read',
  enter_queue: 'write',
  queue_position: 'read',
  queue_status: 'read',
  call_next_patient: 'write',
  complete_patient_service: 'write',
  get_current_pins: 'write',
  generate_daily_pins: 'write',
  create_route: 'write',
  get_route: 'read',
  login_patient: 'write',
  admin_login: 'read',
  admin_logout: 'write',
  save_admin: 'write',
  count_admins: 'read',
} as const satisfies Record<string, 'read' | 'write'>;

export type SqlFunction = keyof typeof SQL_FUNCTIONS;
