// Staff: login, overview, settings, automatic calling.
import type { Endpoint, EndpointFamily } from './endpoint.ts';

const login = (path: string): Endpoint => ({
  method: 'POST',
  path,
  auth: 'public',
  summary: 'Log in as staff; the cookie admin_token is set too',
  input: '{username: str, password: str}',
  form: true,
  answer:
    '{success: true, token: str, token_type: "Bearer", expires_in: 28800, admin: {username: str, role: str, permissions: ["all"]}, user: {username: str, role: str}, message: str}',
  errors: ['MISSING_FIELDS', 'INVALID_FIELD', 'INVALID_CREDENTIALS'],
});

const tick = (method: 'GET' | 'POST'): Endpoint => ({
  method,
  path: '/api/system/tick',
  auth: 'cron',
  summary: 'What is due by the clock: automatic calls, PINs of the day, closing of past days, reports',
  answer:
    '{success: true, message: str, executionTime: int, timestamp: ISO, results: {workingHours: bool, processedClinics: int, expiredNoShows: int, calledPatients: int, errors: [str], cleanedNotifications: int, clinicResults: [{clinicId: CLINIC, clinicName: str, expiredCount: int, callResult: {success: bool, reason: "no_waiting"|"capacity_full"|null, number: int|null}|null, error: str|null}], jobs: {pins_created: int, entries_closed: int, reports_written: int, rows_purged: int}}}',
});

export const administrationFamily: EndpointFamily = {
  name: 'Administration',
  about: 'A token lasts eight hours; a logout revokes every token of the account.',
  shapes: {
    ENTRY:
      '{number: int, user: USER|"**", status: "WAITING"|"CALLED"|"IN_SERVICE", entered_at: ISO, called_at: ISO|null}',
    THEME: '{currentTheme: str, enableThemeSelector: bool, showThemePreview: bool}',
    SYSTEM:
      '{graceMinutes: int, cadenceMinutes: int, maxCapacity: int, autoRouting: bool, notifications: bool, workingHours: {start: str, end: str}, emergencyPin?: str|null}',
  },
  endpoints: [
    login('/admin/login'),
    login('/api/v1/auth/login'),
    {
      method: 'POST',
      path: '/admin/logout',
      auth: 'admin',
      summary: 'Revoke every token of this account and clear the cookie',
      answer: '{success: true, message: str}',
    },
    {
      method: 'GET',
      path: '/auth/denied',
      auth: 'public',
      summary: 'Where a failed login of the web page ends: always 401',
      errors: ['INVALID_CREDENTIALS'],
    },
    {
      method: 'GET',
      path: '/api/v1/admin/status',
      auth: 'public',
      admin: 'the people in the lines and the PINs',
      summary: 'Every clinic with its line',
      answer:
        '{success: true, online: true, version: str, kv_sync: bool, kv_bindings: {KV_PINS: bool, KV_QUEUES: bool, KV_ADMIN: bool, KV_EVENTS: bool, KV_LOCKS: bool, KV_CACHE: bool}, stats: {total_waiting: int, total_done: int, total_served: int, active_clinics: int}, queues: {[CLINIC]: {list: [ENTRY], current: int|null, served: [{number: int, completed_at: ISO}], pin: str|null, waiting: int, in_service: int, completed: int, call_interval: int, auto_call: bool}}, system: {target: TARGET, version: str, commit: str, service_day: DAY, uptime_seconds: int}, timestamp: ISO, stale?: true}',
    },
    {
      method: 'POST',
      path: '/api/v1/admin/set-call-interval',
      auth: 'admin',
      summary: 'Call automatically every so often: 0 (off), or 30 to 14400 seconds',
      input: '{clinic: CLINIC, interval_minutes?: number, interval_seconds?: int, interval?: int}',
      answer:
        '{success: true, clinic: CLINIC, interval_minutes: number, interval_seconds: int, auto_call: bool, message: str}',
      errors: ['MISSING_FIELDS', 'INVALID_FIELD', 'UNKNOWN_CLINIC'],
    },
    {
      method: 'GET',
      path: '/api/admin/settings',
      auth: 'public',
      admin: 'the emergency PIN',
      summary: 'The settings: by name (system, theme), or all with their descriptions',
      input: '{type?: "all"|"system"|"theme"}',
      answer:
        '{success: true, type: "all"|"system"|"theme", data: SYSTEM|THEME|{[SETTING]: {value: str|null, description: str}}, timestamp: ISO}',
      errors: ['INVALID_FIELD'],
    },
    {
      method: 'POST',
      path: '/api/admin/settings',
      auth: 'admin',
      summary: 'Change several settings, all or none',
      input: '{type?: "system"|"theme", settings: object}',
      answer: '{success: true, type: "system"|"theme", message: str, updatedSettings: [str], timestamp: ISO}',
      errors: ['MISSING_FIELDS', 'INVALID_FIELD'],
    },
    {
      method: 'PUT',
      path: '/api/admin/settings',
      auth: 'admin',
      summary: 'Change one setting',
      input: '{key: str, value: any}',
      answer: '{success: true, key: str, value: any, message: str, timestamp: ISO}',
      errors: ['MISSING_FIELDS', 'INVALID_FIELD'],
    },
    tick('GET'),
    tick('POST'),
  ],
};
