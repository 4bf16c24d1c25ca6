// What a running Prometheus is asked over its HTTP API.

export interface QueriedSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ActiveAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
  /** When its expression became true. */
  readonly activeAt: string;
}

/** The series that an expression has now. */
export async function queryPrometheus(url: string, expression: string): Promise<QueriedSeries[]> {
  const { result } = (await ask(url, `query?query=${encodeURIComponent(expression)}`)) as {
    readonly result: readonly { readonly metric: Record<string, string>; readonly value: [number, string] }[];
  };
  return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
}

/** The alerts that are pending or firing now. */
export async function activeAlerts(url: string): Promise<readonly ActiveAlert[]> {
  return ((await ask(url, 'alerts')) as { readonly alerts: readonly ActiveAlert[] }).alerts;
}

async function ask(url: string, path: string): Promise<unknown> {
  const answer = await fetch(`${url}/api/v1/${path}`);
  const body = (await answer.json()) as {
    readonly status: string;
    readonly data: unknown;
    readonly error?: string;
  };
  if (body.status !== 'success') throw new Error(`Prometheus: ${body.error}`);
  return body.data;
}
