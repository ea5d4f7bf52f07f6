// node warm-cache.cjs PROGRAM OUTPUT: runs the wrapped program a few times and stores V8's code cache of what was compiled by then. By its
// name, OUTPUT is the cache for help, or that for all other calls.
// It has to run on the very Node of the target: V8 ignores, without a word, the cache of another one. It fails when there was a garbage
// collection: the cache would have other bytes in another folder.
const { writeFileSync, readFileSync } = require('node:fs');
const path = require('node:path');
const { PerformanceObserver } = require('node:perf_hooks');
const vm = require('node:vm');
const { configurationFile, requireWithVcenter } = require('./warm-up-vcenter.cjs');

/** With it a verb loads what it needs and ends at once, as there is no such configuration. */
const NO_CONFIG = ['--config', '/nonexistent/snaphook.yaml'];
/** With it a verb gets as far as the login, which is refused. */
const CONFIG = ['--config', configurationFile()];
const WARM_UPS = {
  'help.cache': [
    ['snaphook', '--help'],
    ['pre-backup', '--help'],
    ['post-backup', '--help'],
  ],
  'program.cache': [
    ...['pre', 'post', 'plan'].map((verb) => ['snaphook', verb, '--job', 'none', ...NO_CONFIG]),
    ...['status', 'doctor', 'reap'].map((verb) => ['snaphook', verb, ...NO_CONFIG]),
    ['pre-backup', '--job', 'none', ...NO_CONFIG],
    ['post-backup', '--job', 'none', ...NO_CONFIG],
    ['snaphook', 'vm', 'list', ...CONFIG],
  ],
};

const [program, output] = process.argv.slice(2);
const script = new vm.Script(readFileSync(program, 'latin1'), { filename: 'snaphook.cjs' });
const exit = process.exit;

const runOnce = ([name, ...words]) =>
  new Promise((ended) => {
    process.execPath = name; // the program goes by it, too; argv0 cannot be set
    process.argv = [name, name, ...words];
    process.exit = ended;
    const module = { exports: {} };
    script.runInThisContext().call(module.exports, module.exports, requireWithVcenter, module, name, '.');
  });

(async () => {
  let collections = 0;
  const observer = new PerformanceObserver((seen) => {
    collections += seen.getEntries().length;
  });
  observer.observe({ entryTypes: ['gc'] });
  for (const warmUp of WARM_UPS[path.basename(output)]) await runOnce(warmUp);
  await new Promise(setImmediate); // only then Node tells of the last ones
  if (collections + observer.takeRecords().length > 0) {
    process.stderr.write(
      'the young generation was too small for the warm-up: a garbage collection has changed the cache\n',
    );
    exit(1);
  }
  writeFileSync(output, script.createCachedData());
  exit(0);
})();
