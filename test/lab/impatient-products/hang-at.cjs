// Loaded into a hook with `node --require`: calls of the file system named in HANG_AT (JSON: [[call, regular expression of the path], ...])
// wait in the kernel, without any cooperation of the program: in the open of HANG_FIFO, which nobody writes to.
const fs = require('node:fs/promises');

const { open } = fs;
for (const [call, path] of JSON.parse(process.env.HANG_AT)) {
  const original = fs[call];
  fs[call] = async (...args) => {
    if (new RegExp(path).test(String(args[0]))) {
      process.stderr.write('a call hangs here\n');
      await open(process.env.HANG_FIFO, 'r');
    }
    return original(...args);
  };
}
