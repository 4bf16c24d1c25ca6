// The embedded cloud, migrated, in a process of its own: its work must neither delay nor count as that of what is
// measured. Prints the settings for a target as one line of JSON, and ends with its standard input.
import { openLocalService } from '../local/local-service.ts';

/** The limits stay on, because they are part of every request; only nobody reaches them. */
const SETTINGS = { RATE_LIMITS: JSON.stringify({ read: 1_000_000, read_ip: 1_000_000 }), LOG_LEVEL: 'info' };

const service = await openLocalService({ environment: 'test', settings: SETTINGS });
console.log(JSON.stringify(service.environment));
process.stdin.on('end', () => void service.close());
process.stdin.resume();
