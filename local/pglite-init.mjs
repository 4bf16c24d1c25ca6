// Makes an empty PGlite database in the directory given as argument, in a process of its own: making one takes 150 MB
// more than using one, and the server would keep that until it ends. Plain JavaScript, so that any parent can run it.
import { PGlite } from '@electric-sql/pglite';

const [dataDir] = process.argv.slice(2);
if (dataDir === undefined) throw new Error('usage: node pglite-init.mjs DIRECTORY');
const database = await PGlite.create(dataDir);
await database.close();
