// npm run test:package [-- linux|windows]: makes the release for that system, and runs the suites of test/package.
// windows: snaphook.exe under Wine; as root on Debian it installs Wine, else it is skipped and says why. Default: linux, for which
// it installs what makes the helpers of guests and release notes; where that cannot be had the checks of these are skipped.
// Prints a line a check, and at the end `package: N passed, N failed, N skipped`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { makeWindowsProgram } from '../packaging/executables.mjs';
import { hasMingw, MINGW_PACKAGES, VSS_HELPER_ARCHITECTURES } from './build-vss-helper.mjs';
import { root } from './bundle-options.mjs';
import { installPackages } from './debian.mjs';
import { helpOnRequest } from './help.mjs';
import { runSuite } from './run-suite.mjs';
import { install, prebuildJest } from './setup.mjs';
import { stopWine, winePrefix } from './wine-prefix.mjs';

helpOnRequest(import.meta.url);
const [suite = 'linux'] = process.argv.slice(2);
if (!['linux', 'windows'].includes(suite)) {
  console.error(`There is no suite "${suite}". Suites: linux, windows.`);
  process.exit(2);
}
/** For all releases that are made here: one of them in a folder that git does not know. */
process.env.SOURCE_DATE_EPOCH ??= '1700000000';
const folder = mkdtempSync(path.join(tmpdir(), 'snaphook-package-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** What the suite needs in its environment. */
function prepare() {
  if (suite === 'linux')
    return { SNAPHOOK_WITHOUT_HELPERS: whyNoHelpers(), SNAPHOOK_WITHOUT_HYPERFINE: whyNoHyperfine() };
  installPackages(['wine', 'wine64']);
  return winePrefix(path.join(folder, 'wine'));
}

/** Empty where a release has the helpers of all guests. */
function whyNoHelpers() {
  const why = whyWithout('helpers of guests', ['gcc', 'libc6-dev', ...MINGW_PACKAGES]);
  return why || (VSS_HELPER_ARCHITECTURES.every(hasMingw) ? '' : 'no mingw-w64');
}

/** Empty where release notes can be made. */
const whyNoHyperfine = () => whyWithout('release notes', ['hyperfine']);

/** Empty where the packages are there. */
function whyWithout(what, packages) {
  try {
    installPackages(packages);
    return '';
  } catch (error) {
    console.log(`skipped ${what}: ${error.message}`);
    return error.message;
  }
}

/** There is no PowerShell under Wine: a program in its place passes on what it is told to the lab. */
function standIns() {
  if (suite === 'linux') return {};
  const program = path.join(folder, 'powershell.exe');
  makeWindowsProgram(path.join(root, 'test/package/windows/powershell-relay.cjs'), program);
  return { SNAPHOOK_POWERSHELL: program };
}

async function main() {
  install();
  prebuildJest();
  let environment;
  try {
    environment = prepare();
  } catch (error) {
    console.log(`skipped ${suite}: ${error.message}`);
    return { passed: 0, failed: 0, skipped: 1 };
  }
  // Whoever names a folder has use for the release afterwards.
  const release = (suite === 'linux' && process.env.SNAPHOOK_TEST_RELEASE) || path.join(folder, 'release');
  const args = [path.join(root, 'packaging/package.mjs'), '--target', suite, '--output', release];
  if (spawnSync(process.execPath, args, { stdio: ['ignore', 2, 2] }).status !== 0) {
    console.log('not ok the release could not be made');
    return { passed: 0, failed: 1, skipped: 0 };
  }
  try {
    return await runSuite({
      config: 'jest.package.config.cjs',
      suites: `test/package/${suite}/`,
      environment: { ...environment, SNAPHOOK_RELEASE: release, ...standIns() },
    });
  } finally {
    if (suite === 'windows') stopWine(environment);
  }
}

const { passed, failed, skipped } = await main();
console.log(`package: ${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed === 0 ? 0 : 1);
