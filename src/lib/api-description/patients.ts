// Patients: login, routes through the clinics.
import type { Endpoint, EndpointFamily } from './endpoint.ts';

const choose = (method: 'GET' | 'POST'): Endpoint => ({
  method,
  path: '/api/v1/path/choose',
  auth: 'public',
  summary: 'A suggestion of stations; nothing is stored',
  input: '{patientId?: USER, examType?: str, gender?: GENDER, path?: str}',
  answer:
    '{success: true, sticky: bool, route: [CLINIC], path: [CLINIC], patientId?: USER, examType?: str, gender?: GENDER, created_at?: ISO}',
  errors: ['MISSING_FIELDS', 'INVALID_FIELD'],
});

export const patientFamily: EndpointFamily = {
  name: 'Patients and routes',
  about: 'The id made at login is the patient’s only credential: user in all other calls.',
  shapes: {
    GENDER: '"male"|"female"',
    STATION:
      '{id: str, clinic: CLINIC, name: str, nameAr: str, floor: str, floorCode: str, code: str, weight: int, note?: str, roomNumber?: str, status: "ready"|"locked"|"completed", entryTime: ISO|null, exitTime: ISO|null}',
    ROUTE:
      '{routeId: str, patientId: USER, examType: str|null, gender: GENDER, stations: [STATION], clinics: [CLINIC], current: CLINIC|null, completed: [CLINIC], currentStep: int, status: "active"|"completed"|"cancelled", dynamic: bool, weights: {[CLINIC]: int}, createdAt: ISO}',
    SENT_STATION:
      '{id: str, name?: str, nameAr?: str, floor?: str, floorCode?: str, code?: str, note?: str, roomNumber?: str, weight?: any}',
    CURRENT_QUEUE:
      '{clinicId: CLINIC, clinicName: str, floor: str, number: int, status: str, positionInQueue: int, calledAt: ISO|null, expiresAt: ISO|null, startedAt: ISO|null}',
    STEP: '{stepOrder: int, clinicId: CLINIC, clinicName: str, floor: str, status: "locked"|"ready"|"completed", startedAt: ISO|null, completedAt: ISO|null}',
  },
  endpoints: [
    {
      method: 'POST',
      path: '/api/v1/patient/login',
      auth: 'public',
      summary: 'Log in by a personal number of 2 to 12 digits; a new id each time',
      input: '{patientId: str, gender: GENDER}',
      answer:
        '{success: true, data: {id: USER, patientId: str, gender: GENDER, loginTime: ISO, status: "logged_in", currentPath: [CLINIC], completedClinics: [CLINIC]}, message: str}',
      errors: ['MISSING_FIELDS', 'INVALID_FIELD'],
    },
    {
      method: 'POST',
      path: '/api/v1/route/create',
      auth: 'public',
      summary: 'Make today’s route: the stations sent, or those of the exam with the shortest line first',
      input:
        '{patientId: USER, examType?: str, gender?: GENDER, stations?: [SENT_STATION|str], clinics?: [SENT_STATION|str]}',
      answer: '{success: true, route: ROUTE, routeId: str, clinics: [CLINIC], sticky: bool, message: str}',
      errors: ['MISSING_FIELDS', 'INVALID_FIELD', 'UNKNOWN_CLINIC'],
    },
    {
      method: 'GET',
      path: '/api/v1/route/get',
      auth: 'public',
      summary: 'Today’s route of a patient, or a route by its id',
      input: '{patientId?: USER, routeId?: str}',
      answer: '{success: true, route: ROUTE}',
      errors: ['MISSING_FIELDS', 'INVALID_FIELD', 'ROUTE_NOT_FOUND'],
    },
    choose('GET'),
    choose('POST'),
    {
      method: 'POST',
      path: '/api/patient/enqueue',
      auth: 'public',
      summary:
        'Make the route and enter its first clinic; a valid emergency code goes to the head of the line',
      input: '{patientId: USER, examType: str, gender: GENDER, priority?: int, emergencyCode?: str}',
      answer:
        '{success: true, patientId: USER, examType: str, gender: GENDER, priority: int, emergency: bool, result: {success: true, patientId: USER, firstClinic: {id: CLINIC, queueNumber: int}, message: str}, timestamp: ISO}',
      errors: ['MISSING_FIELDS', 'INVALID_FIELD', 'INVALID_EMERGENCY_CODE', 'ALREADY_EXISTS'],
    },
    {
      method: 'GET',
      path: '/api/patient/enqueue',
      auth: 'public',
      summary: 'How far a patient has come today',
      input: '{patientId: USER}',
      answer:
        '{success: true, patientId: USER, status: {exists: true, examType: str|null, gender: str|null, progress: int, completedSteps: int, totalSteps: int, isComplete: bool, currentQueue: CURRENT_QUEUE|null, allSteps: [STEP], notifications: [NOTICE], lastUpdated: ISO}, timestamp: ISO}',
      errors: ['MISSING_FIELDS', 'INVALID_FIELD', 'NOT_IN_QUEUE'],
    },
  ],
};
