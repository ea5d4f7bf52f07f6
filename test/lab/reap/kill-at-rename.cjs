// Loaded into a hook with `node --require`: kills the process when it renames a file to a path that ends in KILL_AT_RENAME, without
// any cooperation of the program. KILL_WHEN = before | after the rename.
const fs = require('node:fs/promises');

const rename = fs.rename;
fs.rename = async (from, to) => {
  if (!String(to).endsWith(process.env.KILL_AT_RENAME)) return rename(from, to);
  if (process.env.KILL_WHEN === 'after') await rename(from, to);
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => {}); // the signal arrives before anything else can run
};
