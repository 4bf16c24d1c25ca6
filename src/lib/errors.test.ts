import { describe, expect, it } from 'vitest';
import {
  ERROR_TABLE,
  type ErrorCode,
  type ErrorRow,
  FREE_MESSAGES,
} from '../../tests/contract/error-table.ts';
import { DomainError, ERRORS, errorBody, isErrorCode } from './errors.ts';

const NOW = new Date('2025-10-29T12:00:00.000Z');
const rows = Object.entries(ERROR_TABLE) as [ErrorCode, ErrorRow][];

describe('the errors', () => {
  it('are the closed set of the contract', () => {
    expect(Object.keys(ERRORS).sort()).toEqual(Object.keys(ERROR_TABLE).sort());
  });

  it.each(rows)('%s has the contract’s status and texts', (code, { status, error, message }) => {
    const domainError = new DomainError(code);
    expect(domainError.status).toBe(status);
    const body = errorBody(domainError, 'req-1', NOW);
    expect(body).toStrictEqual({
      success: false,
      code,
      error,
      message: FREE_MESSAGES.has(code) ? expect.stringMatching(/^[A-Z][\x20-\x7e]+$/) : (message ?? error),
      request_id: 'req-1',
      timestamp: '2025-10-29T12:00:00.000Z',
    });
  });

  it('say besides only what they were given', () => {
    const details = {
      error: 'own text',
      missingFields: ['a', 'b'],
      field: 'user',
      clinic: 'lab',
      path: '/x',
      retryAfter: 7,
      headers: { Allow: 'GET' },
    };
    expect(errorBody(new DomainError('MISSING_FIELDS', details), 'r', NOW)).toStrictEqual({
      success: false,
      code: 'MISSING_FIELDS',
      error: 'own text',
      message: 'own text',
      request_id: 'r',
      timestamp: NOW.toISOString(),
      missing_fields: ['a', 'b'],
      field: 'user',
      clinic: 'lab',
      path: '/x',
      retry_after: 7,
    });
  });

  it('keep an English message beside a text of their own', () => {
    const error = new DomainError('WRONG_PIN', { error: 'شيء', message: 'Something' });
    expect(errorBody(error, 'r', NOW)).toMatchObject({ error: 'شيء', message: 'Something' });
    const arabic = new DomainError('WRONG_PIN', { error: 'شيء' });
    expect(errorBody(arabic, 'r', NOW).message).toBe(ERROR_TABLE.WRONG_PIN.message);
  });
});

describe('a code', () => {
  it('is one of the union or is not', () => {
    for (const [code] of rows) expect(isErrorCode(code)).toBe(true);
    for (const other of ['', 'OTHER', 'constructor', '__proto__', 'toString', null, undefined, 7, {}]) {
      expect(isErrorCode(other)).toBe(false);
    }
  });
});
