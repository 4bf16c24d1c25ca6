import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { DomainError, type ErrorDetails } from './errors.ts';
import { clinic, password, pin, stations, user } from './fields.ts';
import { invalidField, missingFields, optional, required, validate } from './validate.ts';

/** What a handler gets, or the code and details of what is thrown. */
type Outcome = Record<string, unknown> | (ErrorDetails & { code: string });

const texts = { missing: 'Say both', invalid: { user: 'No such form' } };

const app = new Hono();
app.onError((error, c) => {
  if (!(error instanceof DomainError)) throw error;
  return c.json({ code: error.code, ...error.details } as object, 400);
});
app.get('/', validate('query', { clinic: required(clinic), user: optional(user) }), (c) =>
  c.json(c.req.valid('query')),
);
app.post(
  '/',
  validate('json', {
    clinic: required(clinic),
    visitor: required(user),
    pin: required(pin),
    secret: optional(password),
    stations: optional(stations),
  }),
  (c) => c.json(c.req.valid('json') as object),
);
app.post('/texts', validate('json', { clinic: required(clinic), user: required(user) }, texts), (c) =>
  c.json(c.req.valid('json')),
);

const get = async (query: string): Promise<Outcome> => (await app.request(`/${query}`)).json();
const post = async (json: unknown, path = '/'): Promise<Outcome> => {
  const headers = { 'Content-Type': 'application/json' };
  return (await app.request(path, { method: 'POST', headers, body: JSON.stringify(json) })).json();
};

const RIGHT = { clinic: 'lab', user: 'u', pin: '11' };

describe('fields', () => {
  it('reach the handler under the shape’s names, read by their rules, and nothing else does', async () => {
    expect(await post({ clinicId: ' LAB ', visitId: 7, ticket: '٤٢', isAutoEntry: true, admin: {} })).toEqual(
      {
        clinic: 'lab',
        visitor: '7',
        pin: '42',
      },
    );
    expect(await get('?clinic=XR&other=1')).toEqual({ clinic: 'xr' });
  });

  it('are taken from the leftmost name that holds something', async () => {
    expect(await get('?stationId=d&clinic_id=c&clinicId=b&clinic=a')).toEqual({ clinic: 'a' });
    expect(await get('?stationId=d&clinic_id=c&clinicId=%20&clinic=')).toEqual({ clinic: 'c' });
    expect(await post({ ...RIGHT, clinic: null, clinicId: ' ', stationId: 'ecg' })).toMatchObject({
      clinic: 'ecg',
    });
  });

  it('that hold a list are taken from a query by their first value, from a body not at all', async () => {
    expect(await get('?clinic=a&clinic=b')).toEqual({ clinic: 'a' });
    expect(await post({ ...RIGHT, clinic: ['lab'] })).toMatchObject({
      code: 'INVALID_FIELD',
      field: 'clinic',
    });
    expect(await post({ ...RIGHT, clinic: [] })).toMatchObject({ code: 'INVALID_FIELD', field: 'clinic' });
  });

  it('taken verbatim keep their blanks; only the empty text is absent', async () => {
    expect(await post({ ...RIGHT, password: '  ' })).toMatchObject({ secret: '  ' });
    expect(await post({ ...RIGHT, password: '' })).not.toHaveProperty('secret');
  });

  it('that are an empty list count as absent where a list is taken', async () => {
    expect(await post({ ...RIGHT, stations: [] })).not.toHaveProperty('stations');
    expect(await post({ ...RIGHT, stations: ['lab'] })).toMatchObject({ stations: [{ id: 'lab' }] });
  });

  it('are looked for in the object itself, not in what every object inherits', async () => {
    const inherited = JSON.parse('{"__proto__":{"clinic":"lab","user":"u","pin":"11"}}');
    expect(await post(inherited)).toMatchObject({ missingFields: ['clinic', 'visitor', 'pin'] });
    expect(await get('?__proto__[clinic]=lab&constructor=1')).toMatchObject({ missingFields: ['clinic'] });
  });
});

describe('what is missing', () => {
  it('is listed whole, by the names of the shape', async () => {
    expect(await post({})).toEqual({
      code: 'MISSING_FIELDS',
      missingFields: ['clinic', 'visitor', 'pin'],
      error: 'Missing required fields: clinic, visitor, pin',
    });
    expect(await post({ clinic: 'lab', user: '\t', pin: null })).toMatchObject({
      missingFields: ['visitor', 'pin'],
      error: 'Missing required fields: visitor, pin',
    });
  });

  it('has its own code when it is only the PIN', async () => {
    expect(await post({ clinic: 'lab', user: 'u', pin: ' ' })).toEqual({
      code: 'PIN_REQUIRED',
      missingFields: ['pin'],
    });
  });

  it('is told before what is wrong', async () => {
    expect(await post({ clinic: 'lab', user: 'a b' })).toMatchObject({ code: 'PIN_REQUIRED' });
  });

  it('is told in the endpoint’s words where it has some', async () => {
    expect(await post({ user: 'u' }, '/texts')).toEqual({
      code: 'MISSING_FIELDS',
      missingFields: ['clinic'],
      error: 'Say both',
    });
  });
});

describe('what is wrong', () => {
  it('is the first bad field, by its canonical name', async () => {
    expect(await post({ clinic: 'lab', personalId: 'a b', ticket: {} })).toEqual({
      code: 'INVALID_FIELD',
      field: 'user',
      error: 'Invalid value for user',
    });
  });

  it('is told in the endpoint’s words where it has some for that field', async () => {
    expect(await post({ clinic: 'lab', user: 'a b' }, '/texts')).toMatchObject({ error: 'No such form' });
    expect(await post({ clinic: {}, user: 'u' }, '/texts')).toMatchObject({
      error: 'Invalid value for clinic',
    });
  });
});

describe('the errors made by hand', () => {
  it('are those of a validated route', () => {
    expect(missingFields(['examType'])).toMatchObject({
      code: 'MISSING_FIELDS',
      details: { missingFields: ['examType'], error: 'Missing required fields: examType' },
    });
    expect(missingFields(['a'], { missing: 'own' }).details.error).toBe('own');
    expect(invalidField('examType')).toMatchObject({
      code: 'INVALID_FIELD',
      details: { field: 'examType', error: 'Invalid value for examType' },
    });
  });
});
