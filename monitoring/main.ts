// `npm run monitor`: sees a running server as production's Prometheus would, with its rules and its notifications.
import { closeAtSignal } from '../local/announce.ts';
import { portNumber, readFlags, refuseUsage, reportFailure } from '../local/command-line.ts';
import { bold, dim, green, red } from '../local/terminal.ts';
import type { Notification } from './alert-receiver.ts';
import type { ScrapedTarget } from './local-configuration.ts';
import { startLocalMonitor } from './local-monitor.ts';

const HELP = `npm run monitor -- [URL ...] [--port N]

  URL        a running server (http://127.0.0.1:8787). A path behind it is that of its metrics:
             http://127.0.0.1:8787/functions/v1/metrics for npm run serve -- supabase
  --port N   where Prometheus listens on 127.0.0.1 (9090)

Starts Prometheus and Alertmanager with monitoring/*.yml and prints each notification. Ctrl-C ends both; what they kept is removed.
METRICS_TOKEN is what the servers want as Bearer, if they do. Debian packages: prometheus prometheus-alertmanager.`;

const { values, positionals } = readFlags(
  {
    allowPositionals: true,
    options: {
      port: { type: 'string', default: '9090' },
      help: { type: 'boolean', default: false },
    },
  },
  HELP,
);

if (values.help) {
  console.log(HELP);
} else {
  await monitor().catch(reportFailure);
}

async function monitor(): Promise<void> {
  const urls = positionals.length > 0 ? positionals : ['http://127.0.0.1:8787'];
  const targets = urls.map(targetAt);
  const { METRICS_TOKEN: metricsToken } = process.env;
  const { prometheusUrl, alertmanagerUrl, close } = await startLocalMonitor({
    targets,
    port: portNumber(values.port, HELP),
    ...(metricsToken && { metricsToken }),
    onNotification: print,
  });
  closeAtSignal(close);
  console.log(
    `${green('●')} ${bold('Prometheus')} on ${bold(prometheusUrl)}, Alertmanager on ${bold(alertmanagerUrl)}`,
  );
  console.log(`  alerts    ${prometheusUrl}/alerts`);
  console.log(`  targets   ${prometheusUrl}/targets`);
  for (const { url } of targets) console.log(dim(`            ${url}`));
}

function targetAt(url: string): ScrapedTarget {
  if (!URL.canParse(url)) return refuseUsage(`Not an address: ${url}`, HELP);
  return { name: new URL(url).host, url };
}

function print({ receiver, alerts }: Notification): void {
  for (const { status, labels, annotations } of alerts) {
    const mark = status === 'firing' ? red('firing') : green('resolved');
    console.log(
      `${mark} ${bold(labels.alertname ?? '')} → ${receiver}: ${annotations.description} ${dim(annotations.runbook ?? '')}`,
    );
  }
}
