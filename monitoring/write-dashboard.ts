// `npm run monitor:dashboard`: writes the dashboard that is committed.
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { dashboardText } from './dashboard.ts';

const FILE = fileURLToPath(new URL('grafana-dashboard.json', import.meta.url));

await writeFile(FILE, dashboardText());
console.log('monitoring/grafana-dashboard.json is written');
