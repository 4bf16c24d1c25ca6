// The whole HTTP surface as data: one table, from which /openapi.json and /docs are made. A test compares it with the
// application's routes, so that it cannot say what is not so.
import { administrationFamily } from './api-description/administration.ts';
import type { Endpoint, EndpointFamily } from './api-description/endpoint.ts';
import { eventFamily } from './api-description/events.ts';
import { patientFamily } from './api-description/patients.ts';
import { pinFamily } from './api-description/pins.ts';
import { queueFamily } from './api-description/queue.ts';
import { serviceFamily } from './api-description/service.ts';
import { staffQueueFamily } from './api-description/staff-queue.ts';
import { statisticsFamily } from './api-description/statistics.ts';
import { ERRORS, type ErrorCode } from './errors.ts';
import { clinic, user } from './fields.ts';
import type { JsonSchema } from './shape-notation.ts';

/** All endpoints, by family, in the order in which they are read. */
export const FAMILIES: readonly EndpointFamily[] = [
  patientFamily,
  queueFamily,
  eventFamily,
  pinFamily,
  staffQueueFamily,
  administrationFamily,
  statisticsFamily,
  serviceFamily,
];

/** The named shapes, in the notation. */
export const SHAPES: Readonly<Record<string, string>> = Object.assign(
  {
    ERROR:
      '{success: false, ok?: false, code: CODE, error: str, message: str, request_id: str, timestamp: ISO, missing_fields?: [str], field?: str, clinic?: str, path?: str, retry_after?: int, expiredNoShows?: int, callResult?: object, status?: object}',
    CODE: Object.keys(ERRORS)
      .map((code) => `"${code}"`)
      .join('|'),
  },
  ...FAMILIES.map(({ shapes }) => shapes),
);

/** The named values that shapes are made of. */
export const VALUES: Readonly<Record<string, JsonSchema>> = {
  ISO: { type: 'string', format: 'date-time', description: 'UTC with milliseconds' },
  DAY: { type: 'string', format: 'date', description: 'Service day' },
  CLINIC: {
    type: 'string',
    description: `Id of a clinic. In requests an alias will do, in any case, under one of the names ${clinic.names.join(', ')}`,
  },
  USER: {
    type: 'string',
    pattern: '^[A-Za-z0-9_-]{1,64}$',
    description: `Id of a patient’s session. In requests under one of the names ${user.names.join(', ')}`,
  },
  PLACE: {
    type: 'integer',
    minimum: -1,
    description: 'Place among those who wait, from 1; 0 when called or inside, -1 when done',
  },
};

/** The codes that an endpoint answers itself; any endpoint can have the others of the closed set besides. */
export function errorsOf({ auth, method, errors = [] }: Endpoint): readonly ErrorCode[] {
  const refused: ErrorCode[] = auth === 'public' ? [] : ['UNAUTHORIZED'];
  if (method !== 'GET' && (auth === 'admin' || auth === 'cron')) refused.push('FORBIDDEN');
  return [...errors, ...refused];
}
