// npm run test:vss [-- PATH]: set up, then the suites of test/vss: the programs for Windows guests under Wine, with a stand-in for
// VSS, which Wine does not have. As root on Debian it installs Wine and mingw-w64; where they cannot run the stage is skipped and
// says why. Prints a line a check, and at the end `vss: N passed, N failed, N skipped`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildVssTestPrograms, hasMingw, MINGW_PACKAGES, putVssHelper } from './build-vss-helper.mjs';
import { installPackages, must } from './debian.mjs';
import { helpOnRequest } from './help.mjs';
import { runSuite } from './run-suite.mjs';
import { install, prebuildJest } from './setup.mjs';
import { stopWine, winePrefix } from './wine-prefix.mjs';

helpOnRequest(import.meta.url);
const [suites = 'test/vss/'] = process.argv.slice(2);
const folder = mkdtempSync(path.join(tmpdir(), 'snaphook-vss-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** Throws why the suites cannot run here. */
function requireMachine() {
  if (process.platform !== 'linux') throw new Error('needs Linux');
  if (process.getuid?.() === 0) installPackages(['wine', 'wine64', ...MINGW_PACKAGES]);
  must('wine', ['--version']);
  if (!hasMingw('x64')) throw new Error('needs mingw-w64');
}

/** Programs that cannot be built are a failure, not a reason to skip. */
async function runSuites() {
  const programs = path.join(folder, 'programs');
  putVssHelper('x64', programs);
  buildVssTestPrograms(programs);
  const wine = winePrefix(path.join(folder, 'wine'));
  const dlls = `${wine.WINEDLLOVERRIDES};vssapi=n`;
  try {
    const environment = { ...wine, WINEDLLOVERRIDES: dlls, VSS_PROGRAMS: programs };
    return await runSuite({ config: 'jest.vss.config.cjs', suites, environment });
  } finally {
    stopWine(wine);
  }
}

async function main() {
  install();
  prebuildJest();
  try {
    requireMachine();
  } catch (error) {
    console.log(`skipped vss: ${error.message}`);
    return { passed: 0, failed: 0, skipped: 1 };
  }
  try {
    return await runSuites();
  } catch (error) {
    console.log(`not ok vss: ${error.message}`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

const { passed, failed, skipped } = await main();
console.log(`vss: ${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed === 0 ? 0 : 1);
