/** What the script of the stage prepares. */
export function prepared(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error('these suites run by `npm run test:freeze` or `npm run test:applications`');
  return value;
}

/** For images and mount points; removed, with its loop devices, when the stage ends. */
export const folder = prepared('FREEZE_FOLDER');
/** Root's alone, as are all directories above it. */
export const safeFolder = prepared('FREEZE_SAFE_FOLDER');
export const helperProgram = prepared('FREEZE_HELPER');
