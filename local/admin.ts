// `npm run admin -- create NAME`: makes a staff account, or gives it a new password.
import { freshPassword, saveAdmin } from './admin-accounts.ts';
import { openCommandDatabase } from './command-database.ts';
import { readFlags, reportFailure } from './command-line.ts';
import { bold, dim, green } from './terminal.ts';

const HELP = `npm run admin -- create NAME [--data DIR]

Makes the account NAME, or gives it a new password (every session of it ends). The password is a fresh one, printed
once, or the value of ADMIN_PASSWORD. Works on DATABASE_URL, else on the data of npm start.`;

const { values, positionals } = readFlags(
  {
    allowPositionals: true,
    options: { data: { type: 'string', default: '.data' }, help: { type: 'boolean', default: false } },
  },
  HELP,
);
const [action, username] = positionals;

if (values.help || action !== 'create' || username === undefined) {
  console.log(HELP);
  process.exitCode = values.help ? 0 : 2;
} else {
  await create(username).catch(reportFailure);
}

async function create(name: string): Promise<void> {
  const opened = await openCommandDatabase(process.env, values.data);
  try {
    const chosen = process.env.ADMIN_PASSWORD;
    const password = chosen || freshPassword();
    const created = await saveAdmin(opened.database, { username: name, password });
    console.log(
      `${green('✓')} ${created ? 'Made' : 'New password for'} ${bold(name)} ${dim(`(${opened.where})`)}`,
    );
    if (!chosen)
      console.log(`  password  ${bold(password)} ${dim('shown this once: only its hash is kept')}`);
  } finally {
    await opened.close();
  }
}
