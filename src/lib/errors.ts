// Every error a caller can get: one closed union of codes, and the one place that maps a code to status and texts.

/** `error` is for the person in front of the screen; `message` (English) is for developers. */
interface ErrorText {
  readonly status: 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 422 | 429 | 500 | 503;
  readonly error: string;
  readonly message?: string;
}

export const ERRORS = {
  MALFORMED_BODY: { status: 400, error: 'Malformed JSON' },
  MISSING_FIELDS: { status: 400, error: 'Missing required fields' },
  INVALID_FIELD: { status: 400, error: 'Invalid value' },
  PIN_REQUIRED: { status: 400, error: 'يجب إدخال رقم PIN', message: 'PIN is required' },
  UNAUTHORIZED: { status: 401, error: 'Unauthorized' },
  INVALID_CREDENTIALS: { status: 401, error: 'Invalid credentials' },
  WRONG_PIN: {
    status: 403,
    error: 'رقم PIN غير صحيح. يجب إدخال رقم PIN الخاص بهذه العيادة فقط',
    message: 'Incorrect PIN. You must enter the PIN assigned to this specific clinic only',
  },
  INVALID_EMERGENCY_CODE: {
    status: 403,
    error: 'رمز الطوارئ غير صحيح',
    message: 'Invalid emergency code',
  },
  FORBIDDEN: { status: 403, error: 'Forbidden' },
  SESSION_EXPIRED: { status: 403, error: 'SESSION_EXPIRED' },
  SESSION_NOT_FOUND: { status: 404, error: 'SESSION_NOT_FOUND' },
  UNKNOWN_CLINIC: { status: 404, error: 'Invalid clinic' },
  NOT_IN_QUEUE: { status: 404, error: 'User not in queue' },
  NO_PATIENTS_WAITING: { status: 404, error: 'No patients waiting' },
  ROUTE_NOT_FOUND: { status: 404, error: 'Route not found', message: 'No route exists for this patient' },
  CLINIC_NOT_IN_ROUTE: { status: 404, error: 'Clinic not found in route' },
  NOT_FOUND: { status: 404, error: 'Not Found' },
  METHOD_NOT_ALLOWED: { status: 405, error: 'Method not allowed' },
  ALREADY_EXISTS: {
    status: 409,
    error: 'المراجع موجود بالفعل في النظام اليوم',
    message: 'The patient is already in the system today',
  },
  NOT_CALLED: { status: 409, error: 'Patient has not been called' },
  CAPACITY_FULL: { status: 409, error: 'العيادة وصلت للسعة القصوى', message: 'The clinic is at capacity' },
  OUTSIDE_WORKING_HOURS: { status: 409, error: 'خارج ساعات العمل', message: 'Outside working hours' },
  SESSION_ALREADY_USED: { status: 409, error: 'SESSION_ALREADY_USED' },
  IDEMPOTENCY_IN_PROGRESS: { status: 409, error: 'Request in progress' },
  BODY_TOO_LARGE: { status: 413, error: 'Request body too large' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, error: 'Unsupported media type' },
  IDEMPOTENCY_MISMATCH: { status: 422, error: 'Idempotency key reused with a different request' },
  RATE_LIMITED: {
    status: 429,
    error: 'Rate limit exceeded',
    message: 'تم تجاوز الحد المسموح من الطلبات',
  },
  PIN_LOCKED: {
    status: 429,
    error: 'محاولات كثيرة خاطئة. انتظر دقيقة ثم حاول مرة أخرى',
    message: 'Too many wrong PINs. Wait a minute and try again',
  },
  INTERNAL_ERROR: { status: 500, error: 'Internal server error' },
  BAD_ENVIRONMENT: { status: 500, error: 'Internal server error' },
  DATABASE_UNAVAILABLE: {
    status: 503,
    error: 'الخدمة غير متاحة مؤقتاً. حاول مرة أخرى بعد قليل',
    message: 'Database unavailable',
  },
} as const satisfies Record<string, ErrorText>;

export type ErrorCode = keyof typeof ERRORS;

/** What an error may say besides its code. Nothing here may hold a secret, an id of a person or an internal text. */
export interface ErrorDetails {
  readonly error?: string;
  readonly message?: string;
  readonly missingFields?: readonly string[];
  readonly field?: string;
  readonly clinic?: string;
  readonly path?: string;
  /** Seconds, also sent as `Retry-After`. */
  readonly retryAfter?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly extra?: ErrorExtra;
}

/** How many people of a clinic are called and inside. */
export interface ClinicLoad {
  readonly called: number;
  readonly in: number;
  readonly total: number;
}

/** The closed set of what single endpoints add to an error of theirs. */
export type ErrorExtra =
  | {
      readonly expiredNoShows: number;
      readonly callResult: {
        readonly success: false;
        readonly reason: 'capacity_full' | 'no_waiting';
        readonly currentLoad: ClinicLoad;
      };
    }
  | { readonly status: { readonly exists: false } };

/** The body of every error answer. */
export interface ErrorBody {
  readonly success: false;
  readonly code: ErrorCode;
  readonly error: string;
  readonly message: string;
  readonly request_id: string;
  readonly timestamp: string;
  readonly missing_fields?: readonly string[];
  readonly field?: string;
  readonly clinic?: string;
  readonly path?: string;
  readonly retry_after?: number;
}

/** An error that a caller may see. Anything else that is thrown becomes INTERNAL_ERROR and keeps its text. */
export class DomainError extends Error {
  override readonly name = 'DomainError';

  constructor(
    readonly code: ErrorCode,
    readonly details: ErrorDetails = {},
  ) {
    super(details.message ?? code);
  }

  get status() {
    return ERRORS[this.code].status;
  }
}

/** The answer's body for an error; the same for every endpoint. */
export function errorBody(error: DomainError, requestId: string, now: Date): ErrorBody {
  const { code, details } = error;
  const text: ErrorText = ERRORS[code];
  return {
    success: false,
    code,
    error: details.error ?? text.error,
    message: details.message ?? text.message ?? details.error ?? text.error,
    request_id: requestId,
    timestamp: now.toISOString(),
    ...(details.missingFields && { missing_fields: details.missingFields }),
    ...(details.field !== undefined && { field: details.field }),
    ...(details.clinic !== undefined && { clinic: details.clinic }),
    ...(details.path !== undefined && { path: details.path }),
    ...(details.retryAfter !== undefined && { retry_after: details.retryAfter }),
    ...details.extra,
  };
}

/** True when `code` is one of the closed union. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERRORS, code);
}
