// Prometheus and Alertmanager on this machine, before running servers, with the configuration of this folder.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../local/free-port.ts';
import { startRuntimeProcess } from '../local/runtimes/runtime-process.ts';
import { type Notification, startAlertReceiver } from './alert-receiver.ts';
import { localConfiguration, type MonitoringFiles, type ScrapedTarget } from './local-configuration.ts';
import { requirePrograms } from './programs.ts';

export interface LocalMonitorOptions {
  readonly targets: readonly ScrapedTarget[];
  /** What the targets want as Bearer. */
  readonly metricsToken?: string;
  /** How many times faster than in the files windows and waiting times go by. */
  readonly speed?: number;
  /** 0 or absent: any free port. */
  readonly port?: number;
  readonly onNotification: (notification: Notification) => void;
}

export interface LocalMonitor {
  readonly prometheusUrl: string;
  readonly alertmanagerUrl: string;
  /** Ends both and removes what they kept. May be called twice. */
  close(): Promise<void>;
}

/** Starts both on 127.0.0.1. Rejects, with nothing left running, when one is not installed or cannot start. */
export async function startLocalMonitor(options: LocalMonitorOptions): Promise<LocalMonitor> {
  requirePrograms('prometheus', 'prometheus-alertmanager');
  const { targets, metricsToken = '', speed = 1, port = 0, onNotification } = options;
  const opened: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const end of opened.splice(0).reverse()) await end();
  };
  try {
    const directory = await mkdtemp(join(tmpdir(), 'mmc-monitor-'));
    opened.push(() => rm(directory, { recursive: true, force: true }));
    const receiver = await startAlertReceiver(onNotification);
    opened.push(receiver.close);
    const [prometheusPort, alertmanagerPort] = [await freePort(port), await freePort()];
    const alertmanager = `127.0.0.1:${alertmanagerPort}`;
    const files = localConfiguration(
      await monitoringFiles(),
      { targets, alertmanager, receiver: receiver.address, withToken: metricsToken !== '' },
      speed,
    );
    await Promise.all([
      ...Object.entries(files).map(([name, text]) => writeFile(join(directory, `${name}.yml`), text)),
      writeFile(join(directory, 'metrics-token'), metricsToken, { mode: 0o600 }),
    ]);
    const alerting = await startRuntimeProcess({
      command: 'prometheus-alertmanager',
      args: [
        `--config.file=${join(directory, 'alertmanager.yml')}`,
        `--storage.path=${join(directory, 'alertmanager')}`,
        `--web.listen-address=${alertmanager}`,
        '--cluster.listen-address=',
      ],
      environment: {},
      portIn: (output) => (output.includes('msg="Listening on"') ? alertmanagerPort : undefined),
    });
    opened.push(alerting.stop);
    const scraping = await startRuntimeProcess({
      command: 'prometheus',
      args: [
        `--config.file=${join(directory, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(directory, 'prometheus')}`,
        `--web.listen-address=127.0.0.1:${prometheusPort}`,
      ],
      environment: {},
      portIn: (output) => (output.includes('Server is ready to receive') ? prometheusPort : undefined),
    });
    opened.push(scraping.stop);
    return { prometheusUrl: scraping.url, alertmanagerUrl: alerting.url, close };
  } catch (cause) {
    await close();
    throw cause;
  }
}

/** The files of this folder. */
export async function monitoringFiles(): Promise<MonitoringFiles> {
  const read = (name: string) => readFile(fileURLToPath(new URL(name, import.meta.url)), 'utf8');
  return {
    prometheus: await read('prometheus.yml'),
    alerts: await read('alerts.yml'),
    alertmanager: await read('alertmanager.yml'),
  };
}
