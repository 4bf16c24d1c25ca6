// Who is told: what a chat or a pager would get from Alertmanager.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** One alert of a notification, as Alertmanager's webhook (version 4) sends it. */
export interface NotifiedAlert {
  readonly status: 'firing' | 'resolved';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
}

export interface Notification {
  /** The name of the receiver in alertmanager.yml. */
  readonly receiver: string;
  readonly status: 'firing' | 'resolved';
  readonly alerts: readonly NotifiedAlert[];
}

export interface AlertReceiver {
  /** `127.0.0.1:<port>` */
  readonly address: string;
  close(): Promise<void>;
}

/** Listens on a free port of 127.0.0.1 and hands on each notification. */
export async function startAlertReceiver(
  onNotification: (notification: Notification) => void,
): Promise<AlertReceiver> {
  const server = createServer((request, response) => {
    void text(request).then(
      (body) => {
        onNotification(JSON.parse(body));
        response.end();
      },
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
