/** What `npm run test:freeze` prepares. */
function prepared(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error('these suites run by `npm run test:freeze`');
  return value;
}

/** For images and mount points; removed, with its loop devices, when the stage ends. */
export const folder = prepared('FREEZE_FOLDER');
/** Root's alone, as are all directories above it. */
export const safeFolder = prepared('FREEZE_SAFE_FOLDER');
export const helperProgram = prepared('FREEZE_HELPER');
/** Built with the address and undefined-behaviour sanitizers. */
export const sanitizedHelperProgram = prepared('FREEZE_HELPER_SANITIZED');

/** Knows `--sysfs`, which the program that is installed does not. */
export const otherSysfsHelperProgram = prepared('FREEZE_HELPER_OTHER_SYSFS');

/** Polls until it holds. False when it does not within the time. */
export async function until(holds: () => boolean, limitMs: number): Promise<boolean> {
  const endMs = performance.now() + limitMs;
  while (!holds()) {
    if (performance.now() > endMs) return false;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return true;
}
