/** The table of errors, copied from the contract (1.3) by hand, so that a slip in the code cannot change both. */

export interface ErrorRow {
  readonly status: number;
  readonly error: string;
  /** Where the contract gives one; else `error` again, in English. */
  readonly message?: string;
}

/** Where the contract gives no `message` to an Arabic `error`: any English sentence. */
export const FREE_MESSAGES = new Set([
  'INVALID_EMERGENCY_CODE',
  'ALREADY_EXISTS',
  'CAPACITY_FULL',
  'OUTSIDE_WORKING_HOURS',
]);

export const ERROR_TABLE = {
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
  INVALID_EMERGENCY_CODE: { status: 403, error: 'رمز الطوارئ غير صحيح' },
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
  ALREADY_EXISTS: { status: 409, error: 'المراجع موجود بالفعل في النظام اليوم' },
  NOT_CALLED: { status: 409, error: 'Patient has not been called' },
  CAPACITY_FULL: { status: 409, error: 'العيادة وصلت للسعة القصوى' },
  OUTSIDE_WORKING_HOURS: { status: 409, error: 'خارج ساعات العمل' },
  SESSION_ALREADY_USED: { status: 409, error: 'SESSION_ALREADY_USED' },
  IDEMPOTENCY_IN_PROGRESS: { status: 409, error: 'Request in progress' },
  BODY_TOO_LARGE: { status: 413, error: 'Request body too large' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, error: 'Unsupported media type' },
  IDEMPOTENCY_MISMATCH: { status: 422, error: 'Idempotency key reused with a different request' },
  RATE_LIMITED: { status: 429, error: 'Rate limit exceeded', message: 'تم تجاوز الحد المسموح من الطلبات' },
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
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERROR_TABLE;
