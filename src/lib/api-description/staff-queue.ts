// The older staff family: snapshots of the lines, calling within limits, completing without a PIN.
import type { EndpointFamily } from './endpoint.ts';

export const staffQueueFamily: EndpointFamily = {
  name: 'Staff queue',
  about: 'Here a clinic may also be named by its position among all clinics, from 1.',
  shapes: {
    CLINIC_LOAD:
      '{clinicId: CLINIC, name: str, capacity: int, status: "open", currentCalled: int, currentIn: int, currentTotal: int, distributedToday: int, totalServedToday: int, loadRatio: number, efficiencyScore: number, lastUpdated: ISO}',
    SNAPSHOT: '{waiting: int, called: int, in: int, done: int, no_show: int}',
    SNAPSHOT_PATIENT:
      '{number: int, patient_id: USER, status: "waiting"|"called"|"in"|"done"|"no_show", called_at: ISO|null, expires_at: ISO|null, started_at: ISO|null, finished_at: ISO|null, priority: int, created_at: ISO}',
    NEXT_CLINIC: '{stepOrder: int, clinicId: CLINIC, clinicName: str, floor: str, queueNumber: int|null}',
  },
  endpoints: [
    {
      method: 'GET',
      path: '/api/queue/status',
      auth: 'public',
      admin: 'the people of a clinic',
      summary: 'All clinics, or one clinic’s snapshot',
      input: '{clinicId?: CLINIC, detailed?: bool}',
      answer:
        '{success: true, type: "all_clinics"|"snapshot"|"detailed", clinicId?: CLINIC, data: [CLINIC_LOAD]|SNAPSHOT|{...SNAPSHOT, patients: [SNAPSHOT_PATIENT], lastUpdated: ISO}, timestamp: ISO}',
      errors: ['UNKNOWN_CLINIC'],
    },
    {
      method: 'POST',
      path: '/api/queue/call-next',
      auth: 'admin',
      summary: 'Call the next patient within capacity and working hours',
      input: '{clinicId: CLINIC, force?: bool}',
      answer:
        '{success: true, clinicId: CLINIC, expiredNoShows: int, callResult: {success: true, patient: {id: str, patientId: USER, number: int, calledAt: ISO, expiresAt: ISO}, currentLoad: {called: int, in: int, total: int}}, timestamp: ISO}',
      errors: [
        'MISSING_FIELDS',
        'UNKNOWN_CLINIC',
        'OUTSIDE_WORKING_HOURS',
        'CAPACITY_FULL',
        'NO_PATIENTS_WAITING',
      ],
    },
    {
      method: 'POST',
      path: '/api/queue/complete',
      auth: 'admin',
      summary: 'Complete a visit without a PIN, or check in and complete by the clinic’s code',
      input: '{patientId: USER, action?: "complete"|"process_code", clinicId?: CLINIC, clinicCode?: str}',
      answer:
        '{success: true, patientId: USER, clinicId: CLINIC, completed: bool, nextClinic: NEXT_CLINIC|null, message: str, timestamp: ISO}|{success: true, action: str, patientId: USER, clinicCode: str, clinicId: CLINIC, result: {success: true, action: str, clinic: {id: CLINIC, name: str}, queueNumber: int, nextClinic: NEXT_CLINIC|null, message: str}, timestamp: ISO}',
      errors: ['MISSING_FIELDS', 'INVALID_FIELD', 'UNKNOWN_CLINIC', 'NOT_IN_QUEUE', 'NOT_CALLED'],
    },
  ],
};
