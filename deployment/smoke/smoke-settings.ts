// What a smoke test takes from the environment of whoever runs it; with each setting that is there, it checks more.
import { readProxySecret, readWebPageSettings } from '../../src/lib/config.ts';
import type { SmokeOptions } from './check.ts';

/** Reads them; empty values count as absent. */
export function smokeSettings(
  environment: Readonly<Record<string, string | undefined>>,
): Pick<SmokeOptions, 'metricsToken' | 'admin' | 'proxySecret' | 'removePatient'> {
  const { METRICS_TOKEN, SMOKE_ADMIN_USERNAME: username, SMOKE_ADMIN_PASSWORD: password } = environment;
  return {
    ...(METRICS_TOKEN && { metricsToken: METRICS_TOKEN }),
    ...(username && password && { admin: { username, password } }),
    proxySecret: readWebPageSettings(environment).enabled ? readProxySecret(environment) : undefined,
    ...(environment.DATABASE_URL && {
      // Loaded only here: most runs have no database to reach.
      removePatient: async (session: string) =>
        (await import('./synthetic-patient.ts')).removeSyntheticPatient(session, environment),
    }),
  };
}
