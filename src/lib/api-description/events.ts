// What reaches people without asking again: the event stream, notices, QR sessions.
import type { EndpointFamily } from './endpoint.ts';

export const eventFamily: EndpointFamily = {
  name: 'Events and sessions',
  about:
    'Frames of the stream: connected, heartbeat, queue_update, and for clinics ENTERED, CALLED, COMPLETED, CANCELLED, NO_SHOW.',
  shapes: {
    NOTICE:
      '{type: str, clinic: CLINIC, number: int, position: int|null, message: str, messageEn: str, timestamp: ISO}',
  },
  endpoints: [
    {
      method: 'GET',
      path: '/api/v1/events/stream',
      auth: 'public',
      admin: 'all events with their people (clinic=admin)',
      summary: 'Server-sent events of a patient, a clinic, or for staff',
      input: '{user?: USER, clinic?: CLINIC, lastEventId?: str}',
      headers: { 'Last-Event-ID': 'The id of the last event that was seen: go on after it' },
      types: ['text/event-stream; charset=utf-8'],
      errors: ['INVALID_FIELD', 'UNKNOWN_CLINIC'],
    },
    {
      method: 'GET',
      path: '/api/v1/notify/status',
      auth: 'public',
      summary: 'The notices of the last hour for a patient, by id or by number in line (pin)',
      input: '{clinic: CLINIC, user?: USER, pin?: str, limit?: int}',
      answer:
        '{success: true, pin: str|null, clinic: CLINIC, notifications: [NOTICE], count: int, timestamp: ISO}',
      errors: ['MISSING_FIELDS', 'INVALID_FIELD', 'UNKNOWN_CLINIC'],
    },
    {
      method: 'POST',
      path: '/api/v1/events/recovery',
      auth: 'public',
      summary: 'The web page says that it reloads itself after failures',
      input: '{source?: str, retries?: int, timestamp?: str}',
      answer: '{success: true}',
    },
    {
      method: 'POST',
      path: '/api/session/create',
      auth: 'admin',
      summary: 'Make a QR token for one use',
      input: '{patientId: USER}',
      answer: '{ok: true, success: true, token: str, expires_at: ISO}',
      errors: ['MISSING_FIELDS', 'INVALID_FIELD'],
    },
    {
      method: 'POST',
      path: '/api/session/validate',
      auth: 'public',
      summary: 'Use a QR token',
      input: '{token: str}',
      answer: '{ok: true, success: true}',
      errors: ['MISSING_FIELDS', 'SESSION_NOT_FOUND', 'SESSION_EXPIRED', 'SESSION_ALREADY_USED'],
    },
    {
      method: 'POST',
      path: '/api/session/device',
      auth: 'public',
      summary: 'Say on what device a QR token was opened',
      input: '{token: str, device: "iOS"|"Android"|"Desktop"}',
      answer: '{ok: true, success: true}',
      errors: ['MISSING_FIELDS', 'INVALID_FIELD', 'SESSION_NOT_FOUND'],
    },
    {
      method: 'GET',
      path: '/api/session/stats',
      auth: 'admin',
      summary: 'QR tokens of today in figures',
      answer:
        '{ok: true, success: true, stats: {total: int, active: int, used: int, expired: int, byDevice: {iOS: int, Android: int, Desktop: int}}}',
    },
  ],
};
