// The lines: entering, the place, calling, leaving with the clinic's PIN.
import type { EndpointFamily } from './endpoint.ts';

const ENTERED =
  'success: true, clinic: CLINIC, user: USER, number: int, status: "WAITING"|"CALLED"|"IN_SERVICE"|"DONE", entry_status: "ENTERED"|"ALREADY_IN_QUEUE", display_number: PLACE, position: PLACE, ahead: int, total_waiting: int, entry_time: ISO, message: str';

export const queueFamily: EndpointFamily = {
  name: 'Queue',
  about: 'Numbers run from 1 per clinic and service day, without gap or duplicate.',
  shapes: {
    CALLED_PATIENT: '{number: int, user: USER, status: "CALLED"}',
  },
  endpoints: [
    {
      method: 'POST',
      path: '/api/v1/queue/enter',
      auth: 'public',
      summary: 'Enter a clinic’s line; repeated, the same entry is answered',
      input: '{clinic: CLINIC, user: USER, isAutoEntry?: bool}',
      answer: `{${ENTERED}}`,
      errors: ['MISSING_FIELDS', 'INVALID_FIELD', 'UNKNOWN_CLINIC'],
    },
    {
      method: 'GET',
      path: '/api/v1/queue/position',
      auth: 'public',
      summary: 'The patient’s place; with the current tag the request is held until it changes',
      input: '{clinic: CLINIC, user: USER}',
      headers: { 'If-None-Match': 'The ETag of the answer before: hold until something changes' },
      answer:
        '{success: true, clinic: CLINIC, user: USER, number: int, status: "WAITING"|"NEXT"|"CALLED"|"IN_SERVICE"|"DONE", display_number: PLACE, position: PLACE, ahead: int, total_waiting: int, estimated_wait_minutes: int, entry_time: ISO, called_at: ISO|null, message: str, verified_at: ISO, verification_method: "database"}',
      also: { 304: 'Nothing changed within the hold' },
      errors: ['MISSING_FIELDS', 'INVALID_FIELD', 'UNKNOWN_CLINIC', 'NOT_IN_QUEUE'],
    },
    {
      method: 'GET',
      path: '/api/v1/queue/status',
      auth: 'public',
      admin: 'the ids of the people',
      summary: 'One clinic’s line',
      input: '{clinic: CLINIC}',
      answer:
        '{success: true, clinic: CLINIC, list: [ENTRY], current: int|null, current_display: int, current_serving: {number: int, user: USER|"**"}|null, total_waiting: int, in_service: int, completed: int, total: int, waiting: [{ticket: int, visitId: USER|"**", issuedAt: ISO}], in: [{ticket: int, visitId: USER|"**", calledAt: ISO}], done: [{ticket: int, visitId: USER|"**", doneAt: ISO}], stats: {totalWaiting: int, totalIn: int, totalDone: int, totalToday: int}, dateKey: DAY, stale?: true}',
      errors: ['MISSING_FIELDS', 'UNKNOWN_CLINIC'],
    },
    {
      method: 'POST',
      path: '/api/v1/queue/call',
      auth: 'admin',
      summary: 'Call the head of the line',
      input: '{clinic: CLINIC}',
      answer:
        '{success: true, clinic: CLINIC, number: int, user: USER, waiting: int, called: CALLED_PATIENT, next_patient: {...CALLED_PATIENT, entered_at: ISO, called_at: ISO}}',
      errors: ['MISSING_FIELDS', 'UNKNOWN_CLINIC', 'NO_PATIENTS_WAITING'],
    },
    {
      method: 'POST',
      path: '/api/v1/queue/done',
      auth: 'public',
      summary: 'Leave a clinic with its PIN',
      input: '{clinic: CLINIC, user: USER, pin: str}',
      answer:
        '{success: true, clinic: CLINIC, user: USER, number: int, status: "DONE", entry_time: ISO, exit_time: ISO, duration_minutes: int, remaining_in_queue: int, next_clinic: CLINIC|null, route_completed: bool, message: str}',
      errors: [
        'MISSING_FIELDS',
        'INVALID_FIELD',
        'PIN_REQUIRED',
        'UNKNOWN_CLINIC',
        'NOT_IN_QUEUE',
        'PIN_LOCKED',
        'WRONG_PIN',
      ],
    },
    {
      method: 'POST',
      path: '/api/v1/clinic/exit',
      auth: 'public',
      summary: 'Leave a clinic of today’s route with its PIN',
      input: '{clinic: CLINIC, user: USER, pin: str}',
      answer: '{success: true, message: str, route: ROUTE}',
      errors: [
        'MISSING_FIELDS',
        'INVALID_FIELD',
        'PIN_REQUIRED',
        'UNKNOWN_CLINIC',
        'NOT_IN_QUEUE',
        'ROUTE_NOT_FOUND',
        'CLINIC_NOT_IN_ROUTE',
        'PIN_LOCKED',
        'WRONG_PIN',
      ],
    },
    {
      method: 'GET',
      path: '/api/v1/queue',
      auth: 'public',
      summary: 'All lines in figures',
      answer: '{ok: true, success: true, queue: [LINE]}',
    },
    {
      method: 'POST',
      path: '/api/v1/queue',
      auth: 'public',
      summary: 'As queue/enter',
      input: '{clinic: CLINIC, user: USER}',
      status: 201,
      answer: `{${ENTERED}, ok: true, created: bool}`,
      errors: ['MISSING_FIELDS', 'INVALID_FIELD', 'UNKNOWN_CLINIC'],
    },
  ],
};
