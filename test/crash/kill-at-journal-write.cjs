// Loaded into a hook with `node --require`: kills the process at the nth write to a journal file, without any cooperation of
// the program. KILL_AT = number of the write; KILL_WHEN = before | torn | after (nothing, half a line, or the whole line is written).
const fs = require('node:fs/promises');

const killAt = Number(process.env.KILL_AT);
const killWhen = process.env.KILL_WHEN;
let writes = 0;

function die() {
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => {}); // the signal arrives before anything else can run
}

const open = fs.open;
fs.open = async (file, ...rest) => {
  const handle = await open(file, ...rest);
  if (!String(file).includes('.jsonl')) return handle;
  for (const method of ['write', 'writeFile']) {
    const original = handle[method].bind(handle);
    handle[method] = async (data, ...others) => {
      writes += 1;
      if (writes !== killAt) return original(data, ...others);
      if (killWhen === 'torn') await original(String(data).slice(0, Math.floor(String(data).length / 2)));
      if (killWhen === 'after') {
        await original(data, ...others);
        await handle.sync();
      }
      return die();
    };
  }
  return handle;
};
