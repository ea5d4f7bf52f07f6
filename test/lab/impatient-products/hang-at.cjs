// Loaded into a hook with `node --require`, and so into each of its threads: calls of the file system named in HANG_AT (JSON: [[call, regular
// expression of the path], ...]) wait in the kernel, without any cooperation of the program: in the open of HANG_FIFO, which nobody
// writes to. A call of a descriptor waits when that is of such a path.
const { openSync, readlinkSync, writeSync, ...fs } = require('node:fs');
const promises = require('node:fs/promises');

const { open } = promises;
const stderr = 2;
for (const [call, path] of JSON.parse(process.env.HANG_AT)) {
  const hangs = (file) => {
    const isHere = new RegExp(path).test(
      typeof file === 'number' ? readlinkSync(`/proc/self/fd/${file}`) : String(file),
    );
    if (isHere) writeSync(stderr, 'a call hangs here\n');
    return isHere;
  };
  if (call.endsWith('Sync')) {
    require('node:fs')[call] = (...args) => {
      if (hangs(args[0])) openSync(process.env.HANG_FIFO, 'r');
      return fs[call](...args);
    };
    continue;
  }
  const original = promises[call];
  promises[call] = async (...args) => {
    if (hangs(args[0])) await open(process.env.HANG_FIFO, 'r');
    return original(...args);
  };
}
