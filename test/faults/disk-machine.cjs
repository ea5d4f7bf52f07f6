// The disk under a hook: writes to journals and to the hand-over directory of one lab are counted where Node passes them to the
// system, and one of them can meet a fault. Used in this process by `watchWrites`, and loaded into a hook with `node --require`, where
// DISK_WATCH is {"directory", "fault"} in JSON.
const fs = require('node:fs/promises');
const path = require('node:path');
const { createWatches } = require('./watches.cjs');

const real = { open: fs.open, writeFile: fs.writeFile };
const TEXTS = { ENOSPC: 'no space left on device', EIO: 'i/o error' };

const watches = createWatches(real, {
  open: async (...args) => {
    const handle = await real.open(...args);
    const file = String(args[0]);
    if (operationOn(file) !== undefined) guard(handle, file);
    return handle;
  },
  writeFile: (...args) => write(String(args[0]), () => real.writeFile(...args)),
});

exports.watchDisk = (directory, fault) => watches.add({ directory, fault, counts: new Map(), fired: false });

function guard(handle, file) {
  for (const method of ['write', 'writeFile']) {
    const original = handle[method];
    handle[method] = (...args) => write(file, () => original.apply(handle, args));
  }
}

function operationOn(file) {
  if (file.includes(`${path.sep}state${path.sep}runs${path.sep}`)) return 'journal write';
  return file.includes(`${path.sep}export${path.sep}`) ? 'export write' : undefined;
}

/** A disk that fails for good fails for journals and images alike. */
async function write(file, work) {
  const operation = operationOn(file);
  const watch = operation && watches.find(({ directory }) => file.startsWith(directory + path.sep));
  if (!watch) return work();
  const nth = (watch.counts.get(operation) ?? 0) + 1;
  watch.counts.set(operation, nth);
  const { fault } = watch;
  const isHit = fault?.operation === operation && fault.nth === nth;
  if (!isHit && !(watch.fired && fault?.forGood)) return work();
  watch.fired = true;
  if (fault.when === 'after') await work();
  if (fault.what === 'kill') {
    process.kill(process.pid, 'SIGKILL');
    return new Promise(() => {}); // the signal arrives before anything else can run
  }
  const text = `${fault.what}: ${TEXTS[fault.what]}, write '${file}'`;
  throw Object.assign(new Error(text), { code: fault.what });
}

if (process.env.DISK_WATCH) {
  const { directory, fault } = JSON.parse(process.env.DISK_WATCH);
  exports.watchDisk(directory, fault);
}
