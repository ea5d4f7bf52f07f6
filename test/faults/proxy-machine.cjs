// The machine under the Linux proxy adapter: the devices of a lab, regular files, look like block devices, and one call of the
// adapter to the system can meet a fault. Used in this process by `watchProxy`, and loaded into a hook with `node --require`, where
// PROXY_WATCH is {"folder", "fault"} in JSON. What `blockdev` meets is a matter of bin/blockdev.
const { AsyncLocalStorage } = require('node:async_hooks');
const { readdirSync } = require('node:fs');
const fs = require('node:fs/promises');
const path = require('node:path');
const { createWatches } = require('./watches.cjs');

const SCSI_HOSTS = '/sys/class/scsi_host';
const real = { readdir: fs.readdir, stat: fs.stat, writeFile: fs.writeFile };
/** The scan of a host names no lab: it is that of whose devices the same work has looked for, and several labs are at work in one process. */
const looking = new AsyncLocalStorage();

const watches = createWatches(real, {
  readdir: async (folder, ...rest) => {
    const watch = watches.find((one) => one.folder === folder);
    if (watch) {
      looking.enterWith(watch);
      const names = await call(watch, 'list devices', () => real.readdir(folder, ...rest));
      return watch.hidden ? [] : names.filter((name) => watch.known.has(name));
    }
    return folder === SCSI_HOSTS && !watches.isEmpty() ? ['host0'] : real.readdir(folder, ...rest);
  },
  stat: async (file, ...rest) => {
    const watch = watches.find((one) => path.dirname(String(file)) === one.folder);
    if (!watch) return real.stat(file, ...rest);
    const stats = await call(watch, 'look at device', () => real.stat(file, ...rest));
    return Object.assign(stats, { isBlockDevice: () => true });
  },
  writeFile: async (file, ...rest) => {
    if (!String(file).startsWith(`${SCSI_HOSTS}/host0/`)) return real.writeFile(file, ...rest);
    const watch = looking.getStore();
    if (watch) await call(watch, 'scan host', async () => scan(watch));
  },
});

exports.watchProxy = (folder, fault) =>
  watches.add({ folder, fault, counts: new Map(), fired: false, known: new Set(readdirSync(folder)), hidden: false });

/** Linux finds what is newly presented when it is told to look. */
function scan(watch) {
  watch.known = { has: () => true };
}

async function call(watch, operation, work) {
  const nth = (watch.counts.get(operation) ?? 0) + 1;
  watch.counts.set(operation, nth);
  const { fault } = watch;
  const isHit = fault?.operation === operation && (nth === fault.nth || (fault.forGood && nth > fault.nth));
  if (!isHit) return work();
  watch.fired = true;
  if (fault.what === 'hide') watch.hidden = true;
  if (fault.when === 'after') await work();
  if (fault.what === 'hang') return new Promise(() => {});
  if (fault.what === 'kill') {
    process.kill(process.pid, 'SIGKILL');
    return new Promise(() => {}); // the signal arrives before anything else can run
  }
  if (fault.what === 'fail') throw Object.assign(new Error(`EIO: i/o error, ${operation}`), { code: 'EIO' });
  return work();
}

if (process.env.PROXY_WATCH) {
  const { folder, fault } = JSON.parse(process.env.PROXY_WATCH);
  exports.watchProxy(folder, fault);
}
