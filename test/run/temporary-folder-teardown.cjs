const { rmSync } = require('node:fs');

module.exports = () => {
  const { folder, before } = globalThis.temporaryFolder;
  if (before === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = before;
  // Programs that end late may still write: then it is tried again.
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
};
