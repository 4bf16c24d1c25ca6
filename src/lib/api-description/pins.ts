// The PINs of a service day.
import type { EndpointFamily } from './endpoint.ts';

export const pinFamily: EndpointFamily = {
  name: 'PINs',
  about:
    'One PIN of two digits per clinic and service day. Staff hold it; the patient types it when leaving.',
  shapes: {
    PINS: '{success: true, date: DAY, dateKey: DAY, reset_time: str, timezone: str, generated_at: ISO, pins: {[CLINIC]: {pin: str, clinic: CLINIC, active: true, generatedAt: ISO}}, totalIssued: int, currentPin: str|null, allPins: [str]}',
  },
  endpoints: [
    {
      method: 'GET',
      path: '/api/v1/pin/status',
      auth: 'public',
      admin: 'the PINs',
      summary: 'The PINs of today',
      input: '{clinic?: CLINIC}',
      answer: 'PINS',
      errors: ['UNKNOWN_CLINIC'],
    },
    {
      method: 'POST',
      path: '/api/v1/pin/generate',
      auth: 'admin',
      summary: 'Replace the PIN of one clinic, or all of them',
      input: '{clinic?: CLINIC, force?: bool}',
      answer: '{...PINS, message: str, clinic?: CLINIC, pin?: str, generatedAt?: ISO}',
      errors: ['UNKNOWN_CLINIC'],
    },
    {
      method: 'GET',
      path: '/config/clinic-pins',
      auth: 'public',
      admin: 'the PINs',
      summary: 'The clinics with their names and PINs',
      answer:
        '{success: true, clinics: [{id: CLINIC, name: str, name_en: str, floor: str}], pins: {[CLINIC]: str}, names: {[CLINIC]: str}}',
    },
  ],
};
