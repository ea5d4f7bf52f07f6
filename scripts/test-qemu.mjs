// npm run test:qemu [-- PATH]: set up, then the suites of test/qemu on a real Linux guest under QEMU. As root on Debian it
// gets what the guest is made of; where that cannot be had the stage is skipped and says why.
// Prints a line a check, and at the end `qemu: N passed, N failed, N skipped`.
import { prepareQemuGuest } from './qemu-guest.mjs';
import { runSuite } from './run-suite.mjs';
import { install, prebuildJest } from './setup.mjs';

install();
prebuildJest();

async function test() {
  let parts;
  try {
    parts = prepareQemuGuest();
  } catch (error) {
    console.log(`skipped qemu: ${error.message}`);
    return { passed: 0, failed: 0, skipped: 1 };
  }
  const suites = process.argv[2] ?? 'test/qemu/';
  const counts = await runSuite({
    config: 'jest.qemu.config.cjs',
    suites,
    environment: { QEMU_GUEST_PARTS: parts },
  });
  return { ...counts, skipped: 0 };
}

const { passed, failed, skipped } = await test();
console.log(`qemu: ${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed === 0 ? 0 : 1);
