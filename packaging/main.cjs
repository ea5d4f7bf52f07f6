// What Node itself starts in a release. The program and V8's code caches of it are assets: so a cache can be made by several runs.
const words = process.argv.slice(2);
if (words.length === 1 && words[0] === '--version') {
  process.stdout.write(`${__VERSION__}\n`);
} else {
  const path = require('node:path');
  const { getAssetKeys, getRawAsset } = require('node:sea');
  const vm = require('node:vm');
  const bytes = (name) => Buffer.from(getRawAsset(name));
  // Help needs so little of the program that to read the large cache would be half the time of a call.
  const cache = words.includes('--help') ? 'help.cache' : 'program.cache';
  const cachedData = getAssetKeys().includes(cache) ? bytes(cache) : undefined;
  const script = new vm.Script(bytes('program.js').latin1Slice(), { filename: 'snaphook.cjs', cachedData });
  const module = { exports: {} };
  const folder = path.dirname(process.execPath);
  script.runInThisContext().call(module.exports, module.exports, require, module, process.execPath, folder);
}
