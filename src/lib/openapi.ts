// The OpenAPI document, made from the table of endpoints.
import type { Endpoint } from './api-description/endpoint.ts';
import { errorsOf, FAMILIES, SHAPES, VALUES } from './api-description.ts';
import { SERVICE, VERSION } from './build-info.ts';
import { ERRORS } from './errors.ts';
import { honoursIdempotencyKey, IDEMPOTENCY_KEY } from './idempotent-request.ts';
import { type JsonSchema, schemaOf } from './shape-notation.ts';

const JSON_TYPE = 'application/json';

/** Who is admitted, as alternatives; the empty one is everybody. */
const SECURITY = {
  public: [{}],
  admin: [{ adminToken: [] }, { adminCookie: [] }],
  cron: [{ cronSecret: [] }, { adminToken: [] }, { adminCookie: [] }],
  metrics: [{ metricsToken: [] }],
} as const;

const bearer = (description: string, bearerFormat?: string) => ({
  type: 'http',
  scheme: 'bearer',
  ...(bearerFormat && { bearerFormat }),
  description,
});

const IDEMPOTENCY_PARAMETER = {
  name: IDEMPOTENCY_KEY,
  in: 'header',
  description:
    'Sent again within 24 hours with the same body, it is done once and gets the first answer again.',
  schema: { type: 'string', pattern: '^[ -~]{1,255}$' },
} as const;

let made: ReturnType<typeof makeDocument> | undefined;

/** This API as an OpenAPI 3.1 document; made once in an isolate. */
export function openApiDocument() {
  made ??= makeDocument();
  return made;
}

function makeDocument() {
  return {
    openapi: '3.1.0',
    info: {
      title: SERVICE,
      version: VERSION,
      description:
        'Patient flow of a medical committee. Every failure has the shape ERROR with a code of a closed set. Clients must ignore fields that they do not know.',
    },
    servers: [{ url: '/' }],
    tags: FAMILIES.map(({ name, about }) => ({ name, description: about })),
    paths: paths(),
    components: {
      schemas: {
        ...VALUES,
        ...Object.fromEntries(
          Object.entries(SHAPES).map(([name, notation]) => [name, schemaOf(notation, SHAPES)]),
        ),
      },
      responses: { Failure: jsonResponse('Any code of the closed set', schemaOf('ERROR', SHAPES)) },
      securitySchemes: {
        adminToken: bearer('The token of a login', 'JWT'),
        adminCookie: { type: 'apiKey', in: 'cookie', name: 'admin_token' },
        cronSecret: bearer('CRON_SECRET'),
        metricsToken: bearer('METRICS_TOKEN'),
      },
    },
  };
}

function paths(): Record<string, Record<string, unknown>> {
  const byPath: Record<string, Record<string, unknown>> = {};
  for (const { name, endpoints } of FAMILIES) {
    for (const endpoint of endpoints) {
      const item = byPath[endpoint.path] ?? {};
      item[endpoint.method.toLowerCase()] = operation(endpoint, name);
      byPath[endpoint.path] = item;
    }
  }
  return byPath;
}

function operation(endpoint: Endpoint, tag: string) {
  const { method, path, auth, admin, summary, input, form, headers = {} } = endpoint;
  const sent = input === undefined ? {} : schemaOf(input, SHAPES);
  const parameters = [
    ...Object.entries(headers).map(([name, description]) => ({
      name,
      in: 'header',
      description,
      schema: { type: 'string' },
    })),
    ...(honoursIdempotencyKey(method, path) ? [IDEMPOTENCY_PARAMETER] : []),
    ...(method === 'GET' ? queryParameters(sent) : []),
  ];
  return {
    operationId: `${method.toLowerCase()}${path.replaceAll(/\W+/g, '_')}`,
    tags: [tag],
    summary,
    ...(admin && { description: `An admin also sees ${admin}.` }),
    security: admin ? [...SECURITY[auth], ...SECURITY.admin] : SECURITY[auth],
    ...(parameters.length > 0 && { parameters }),
    ...(method !== 'GET' && input && { requestBody: requestBody(sent, form === true) }),
    responses: responses(endpoint),
  };
}

function queryParameters({ properties = {}, required = [] }: JsonSchema) {
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    ...(required.includes(name) && { required: true }),
    schema,
  }));
}

function requestBody(schema: JsonSchema, form: boolean) {
  const types = form ? [JSON_TYPE, 'application/x-www-form-urlencoded', 'multipart/form-data'] : [JSON_TYPE];
  return {
    required: (schema.required ?? []).length > 0,
    content: Object.fromEntries(types.map((type) => [type, { schema }])),
  };
}

function responses(endpoint: Endpoint): Record<string, unknown> {
  const { answer, types = [], status = 200, also = {} } = endpoint;
  const success = {
    description: 'Success',
    content: {
      ...(answer && { [JSON_TYPE]: { schema: schemaOf(answer, SHAPES) } }),
      ...Object.fromEntries(types.map((type) => [type, { schema: { type: 'string' } }])),
    },
  };
  const byStatus = new Map<number, string[]>();
  for (const code of errorsOf(endpoint)) {
    const failed = ERRORS[code].status;
    byStatus.set(failed, [...(byStatus.get(failed) ?? []), code]);
  }
  return {
    ...(Object.keys(success.content).length > 0 && { [status]: success }),
    ...Object.fromEntries(Object.entries(also).map(([other, description]) => [other, { description }])),
    ...Object.fromEntries(
      [...byStatus].map(([failed, codes]) => [
        failed,
        jsonResponse(codes.join(', '), schemaOf('ERROR', SHAPES)),
      ]),
    ),
    default: { $ref: '#/components/responses/Failure' },
  };
}

function jsonResponse(description: string, schema: JsonSchema) {
  return { description, content: { [JSON_TYPE]: { schema } } };
}
