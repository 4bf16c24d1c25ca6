// The service itself: health, metrics, documentation.
import type { Endpoint, EndpointFamily } from './endpoint.ts';

const health = (path: string): Endpoint => ({
  method: 'GET',
  path,
  auth: 'public',
  summary: 'Whether the service and its parts work',
  answer: 'HEALTH',
  errors: ['DATABASE_UNAVAILABLE'],
});

export const serviceFamily: EndpointFamily = {
  name: 'Service',
  about: 'Health, metrics, documentation. While the database fails, health answers 503 with the same fields.',
  shapes: {
    BREAKER: '"CLOSED"|"OPEN"|"HALF_OPEN"',
    HEALTH:
      '{success: bool, ok: bool, status: "healthy"|"degraded"|"down", mode: "online"|"offline", backend: "up"|"down", worker: "up", service: "mmc-mms", target: TARGET, environment: str, version: str, commit: str, schema_version: str, uptime_seconds: int, pages_fullstack: true, kv: {admin: bool, pins: bool, queues: bool, events: bool, locks: bool, cache: bool}, checks: {database: {ok: bool, latency_ms: number|null, breaker: BREAKER}, redis: {ok: bool, configured: bool, latency_ms: number|null, breaker: BREAKER}}, timestamp: ISO, ts: ISO}',
    TARGET: '"cloudflare"|"supabase"|"vercel"|"node"',
  },
  endpoints: [
    health('/health'),
    health('/api/health'),
    health('/api/v1/health'),
    health('/api/v1/health/status'),
    health('/api/v1/status'),
    {
      method: 'GET',
      path: '/health/live',
      auth: 'public',
      summary: 'Whether this process runs; reaches nothing else',
      answer:
        '{success: true, ok: true, status: "alive", target: TARGET, version: str, commit: str, schema_version: str, timestamp: ISO}',
    },
    {
      method: 'GET',
      path: '/health/ready',
      auth: 'public',
      summary: 'Whether requests can be served: the database answers and its schema is new enough',
      answer: '{...HEALTH, schema_version_db: str|null}',
      errors: ['DATABASE_UNAVAILABLE'],
    },
    {
      method: 'GET',
      path: '/metrics',
      auth: 'metrics',
      summary: 'Metrics of this target for Prometheus',
      types: ['text/plain; version=0.0.4; charset=utf-8'],
    },
    {
      method: 'GET',
      path: '/openapi.json',
      auth: 'public',
      summary: 'This description as OpenAPI 3.1',
      answer: 'object',
    },
    {
      method: 'GET',
      path: '/docs',
      auth: 'public',
      summary: 'This description as a page',
      types: ['text/html; charset=utf-8'],
    },
  ],
};
