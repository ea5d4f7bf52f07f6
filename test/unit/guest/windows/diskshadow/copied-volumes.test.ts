import {
  copiedVolumes,
  type GuestFacts,
  requireDiskshadow,
  requireStorageInside,
} from '../../../../../src/guest/windows/diskshadow/copied-volumes.ts';
import type { VolumeFacts } from '../../../../../src/guest/windows/diskshadow/facts.ts';

const MIB = 1024 * 1024;
const SYSTEM = '6000c29000000000000000000000000a';
const DATA = '6000c29000000000000000000000000b';
const OTHER = '6000c29000000000000000000000000c';

const volume = (name: string, diskUuids: readonly string[], change: Partial<VolumeFacts> = {}): VolumeFacts => ({
  id: `\\\\?\\volume{${name}}\\`,
  path: `\\\\?\\Volume{${name}}\\`,
  name: `${name}:\\`,
  fileSystem: 'NTFS',
  isSystem: false,
  isRecovery: false,
  sizeBytes: 100_000 * MIB,
  freeBytes: 20_000 * MIB,
  diskUuids,
  ...change,
});
const C = volume('C', [SYSTEM]);
const D = volume('D', [DATA]);
const X = volume('X', [OTHER]);
const EFI = volume('efi', [SYSTEM], { fileSystem: 'FAT32', isSystem: true });
const RECOVERY = volume('recovery', [SYSTEM], { isRecovery: true, sizeBytes: 600 * MIB, freeBytes: 80 * MIB });
const kept = (of: VolumeFacts, on: VolumeFacts) => ({ volume: of.id, diffVolume: on.id });
const facts = (volumes: readonly VolumeFacts[], storage: GuestFacts['storage'] = []): GuestFacts => ({
  guest: 'sql01',
  volumes,
  storage,
});

test('every NTFS on the captured disks is copied, and what starts the machine is left to the firmware', () => {
  expect(copiedVolumes(facts([EFI, C, D, X]), [SYSTEM.toUpperCase(), DATA])).toEqual([C, D]);
});

test('a recovery partition, which is nearly full as a rule, is no reason to refuse the guest', () => {
  expect(copiedVolumes(facts([EFI, RECOVERY, C, D]), [SYSTEM, DATA])).toEqual([C, D]);
});

test('storage on another captured volume will do', () => {
  expect(copiedVolumes(facts([C, D], [kept(D, C)]), [SYSTEM, DATA])).toEqual([C, D]);
});

const small = volume('D', [DATA], { sizeBytes: 400 * MIB, freeBytes: 60 * MIB });
test('a small volume needs less room', () => {
  expect(copiedVolumes(facts([small]), [DATA])).toEqual([small]);
});

test.each<[string, GuestFacts, RegExp]>([
  ['a disk without a volume', facts([C]), /no volume on disk "6000c29.*b"/],
  ['a disk whose volume does not tell it, as a dynamic one', facts([C, volume('D', [])]), /no volume on disk/],
  ['another file system', facts([C, volume('D', [DATA], { fileSystem: 'ReFS' })]), /"D:\\" \(ReFS\)/],
  ['no file system', facts([C, volume('D', [DATA], { fileSystem: undefined })]), /no file system/],
  [
    'a volume that spans a disk that is not captured',
    facts([C, volume('D', [DATA, OTHER])]),
    /also on disk "6000c29.*c"/,
  ],
  [
    'storage on a volume that is not captured',
    facts([C, D, X], [kept(D, X)]),
    /keeps shadow copies of "D:\\" on "X:\\"/,
  ],
  ['storage on a volume that is not shown', facts([C, D], [kept(D, X)]), /which it does not show/],
  ['too little room', facts([C, volume('D', [DATA], { freeBytes: 300 * MIB })]), /300 MiB free on "D:\\".*320 MiB/],
])('%s is refused before anything is copied', (_what, given, message) => {
  expect(() => copiedVolumes(given, [SYSTEM, DATA])).toThrow(
    expect.objectContaining({ code: 'E_GUEST', message: expect.stringMatching(message) }),
  );
});

test('where Windows has put the storage of a copy counts, once it is made', () => {
  expect(() => requireStorageInside(facts([C, D], [kept(D, D)]), [D], [DATA])).not.toThrow();
  expect(() => requireStorageInside(facts([C, D], [kept(D, C)]), [D], [DATA])).toThrow(
    /keeps shadow copies of "D:\\" on "C:\\"/,
  );
  expect(() => requireStorageInside(facts([C, D]), [D], [DATA])).toThrow(/does not tell where/);
});

test('an edition without diskshadow is told to use the helper', () => {
  const client = { name: 'Windows 11', isServer: false, folder: 'C:\\Windows' };
  expect(() => requireDiskshadow('sql01', client, false)).toThrow(
    expect.objectContaining({ code: 'E_GUEST_HELPER', hint: expect.stringContaining('vss-provider') }),
  );
  expect(() => requireDiskshadow('sql01', { ...client, isServer: true }, true)).not.toThrow();
});
