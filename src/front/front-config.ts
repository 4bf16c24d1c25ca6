// The settings of the front, validated once.
import { badEnvironment, readProxySecret } from '../lib/config.ts';
import { type FrontTarget, readTargets } from './front-targets.ts';

export interface FrontConfig {
  /** In the order of failover. */
  readonly targets: readonly FrontTarget[];
  /** Where the active target is written down. */
  readonly databaseUrl: string;
  readonly databaseHttpUrl: string | undefined;
  /** What the targets know the front by; without it they take the front for the client of every request. */
  readonly proxySecret: string | undefined;
}

/** Reads them; empty values count as absent. Throws BAD_ENVIRONMENT, naming the setting. */
export function readFrontConfig(environment: Readonly<Record<string, unknown>>): FrontConfig {
  const { DATABASE_URL: databaseUrl, DATABASE_HTTP_URL: databaseHttpUrl, PROXY_SECRET: secret } = environment;
  if (
    typeof databaseUrl !== 'string' ||
    !/^postgres(ql)?:\/\//.test(databaseUrl) ||
    !URL.canParse(databaseUrl)
  ) {
    throw badEnvironment('DATABASE_URL');
  }
  const proxySecret = readProxySecret(environment);
  if (secret && proxySecret === undefined) throw badEnvironment('PROXY_SECRET');
  return {
    targets: readTargets(environment),
    databaseUrl,
    databaseHttpUrl: typeof databaseHttpUrl === 'string' && databaseHttpUrl ? databaseHttpUrl : undefined,
    proxySecret,
  };
}
