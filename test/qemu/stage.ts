/** What `npm run test:qemu` prepares. */
function prepared(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error('these suites run by `npm run test:qemu`');
  return value;
}

/** The folder the guest boots from. */
export const guestParts = (): string => prepared('QEMU_GUEST_PARTS');
/** The built `snaphook-freeze`. */
export const helperProgram = (): string => prepared('QEMU_FREEZE_HELPER');
/** Whether this machine has PostgreSQL and may mount copies of disks. */
export const databasesRunHere = (): boolean => prepared('QEMU_DATABASES') === 'yes';
