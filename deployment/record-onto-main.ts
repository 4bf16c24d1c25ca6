// For the workflow `deploy`: `tsx deployment/record-onto-main.ts TARGET BEFORE` puts what a deployment recorded of one
// target here into what the local main records by now, and commits it there. BEFORE is what was recorded when it began.
import { readFile } from 'node:fs/promises';
import { openRepository, RECORD_FILES } from './repository.ts';
import { isTargetName } from './targets.ts';
import { parseVersions, readVersions, versionsOf, writeTarget } from './versions.ts';

const [target = '', beforePath = ''] = process.argv.slice(2);
if (!isTargetName(target)) throw new Error(`There is no target ${target}`);

const root = process.cwd();
const repository = openRepository(root);
const theirs = parseVersions(repository.fileAt('main', RECORD_FILES[0]));
const before = parseVersions(await readFile(beforePath, 'utf8'));
const here = await readVersions(root);

const [was, is, there] = [before, here, theirs].map((file) => JSON.stringify(versionsOf(file, target)));
if (is !== was && is !== there) {
  // Nobody can tell from here which of the two came last.
  if (there !== was)
    console.log(`::warning::${target} has other records on main: npm run status says what serves`);
  await writeTarget(root, target, { theirs, before, here });
  repository.commitRecords(`Deployment of ${target} recorded`);
}
