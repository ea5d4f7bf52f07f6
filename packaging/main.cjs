// What Node itself starts in a release. The program and V8's code cache of it are assets: so the cache can be made by several runs.
const words = process.argv.slice(2);
if (words.length === 1 && words[0] === '--version') {
  process.stdout.write(`${__VERSION__}\n`);
} else {
  const path = require('node:path');
  const { getAssetKeys, getRawAsset } = require('node:sea');
  const vm = require('node:vm');
  const bytes = (name) => Buffer.from(getRawAsset(name));
  const cachedData = getAssetKeys().includes('program.cache') ? bytes('program.cache') : undefined;
  const script = new vm.Script(bytes('program.js').latin1Slice(), { filename: 'snaphook.cjs', cachedData });
  const module = { exports: {} };
  const folder = path.dirname(process.execPath);
  script.runInThisContext().call(module.exports, module.exports, require, module, process.execPath, folder);
}
