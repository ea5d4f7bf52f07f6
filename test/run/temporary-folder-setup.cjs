const { chmodSync, mkdtempSync } = require('node:fs');
const { tmpdir } = require('node:os');
const path = require('node:path');

/**
 * One temporary folder a run: what suites, and programs they start, make in the system's goes there, and `temporary-folder-teardown`
 * removes it. Suites inherit TMPDIR; jest has chosen where its own cache lies before this runs. Its name is short, since a Unix
 * socket's path has 107 bytes.
 */
module.exports = () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'snaphook-'));
  // As the system's own: some programs that suites start run as another user.
  chmodSync(folder, 0o1777);
  globalThis.temporaryFolder = { folder, before: process.env.TMPDIR };
  process.env.TMPDIR = folder;
};
