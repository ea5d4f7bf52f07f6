// npm run test:qemu [-- PATH]: set up, build dist/ with the helper of Linux guests, then the suites of test/qemu on a real
// Linux guest under QEMU. As root on Debian it gets what the guest is made of, and a compiler; where they cannot be had the
// stage is skipped and says why.
// Prints a line a check, and at the end `qemu: N passed, N failed, N skipped`.
import { existsSync } from 'node:fs';
import { buildFreezeHelper, freezeHelper } from './build-guest.mjs';
import { installPackages, needRoot } from './debian.mjs';
import { helpOnRequest } from './help.mjs';
import { requireLoopDisks } from './loop-disks.mjs';
import { prepareQemuGuest } from './qemu-guest.mjs';
import { runSuite } from './run-suite.mjs';
import { build, install, prebuildJest } from './setup.mjs';

helpOnRequest(import.meta.url);

install();
build();
prebuildJest();

/** Why a database of the guest cannot be started on copies of its disks here; undefined: it can. */
function whyNoDatabases() {
  try {
    needRoot('mount copies of disks');
    installPackages(['postgresql', 'util-linux']);
    requireLoopDisks(['ext4', 'xfs']);
  } catch (error) {
    return error.message;
  }
}

/** Throws why the guest, or a compiler for its helper, cannot be had here. */
function prepare() {
  const QEMU_GUEST_PARTS = prepareQemuGuest();
  if (!existsSync(freezeHelper)) installPackages(['gcc', 'libc6-dev']);
  const why = whyNoDatabases();
  if (why !== undefined) console.error(`without PostgreSQL: ${why}`);
  return { QEMU_GUEST_PARTS, QEMU_FREEZE_HELPER: freezeHelper, QEMU_DATABASES: why === undefined ? 'yes' : 'no' };
}

async function test() {
  let environment;
  try {
    environment = prepare();
  } catch (error) {
    console.log(`skipped qemu: ${error.message}`);
    return { passed: 0, failed: 0, skipped: 1 };
  }
  // A helper that cannot be built is a failure, not a reason to skip.
  try {
    if (!existsSync(freezeHelper) && !buildFreezeHelper()) throw new Error('no C compiler with a static libc');
  } catch (error) {
    console.log(`not ok qemu: ${error.message}`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const suites = process.argv[2] ?? 'test/qemu/';
  return await runSuite({ config: 'jest.qemu.config.cjs', suites, environment });
}

const { passed, failed, skipped } = await test();
console.log(`qemu: ${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed === 0 ? 0 : 1);
