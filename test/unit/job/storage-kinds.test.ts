import { storageText } from '../../../src/job/storage-kinds.ts';
import type { VirtualDisk } from '../../../src/ports/hypervisor.ts';

const disks = (...kinds: readonly string[]) => kinds.map((kind) => ({ backing: { kind } }) as VirtualDisk); // all that is read

test('an array snapshot takes every kind of disk alike, and that is what the explanation says', () => {
  expect(storageText({ disks: disks('vvol', 'vmfs', 'vvol') }, { name: 'snapvx' })).toBe(
    'disks: 2 vVol, 1 VMFS: makes no difference, as one array snapshot takes all kinds alike',
  );
});

test('a VM snapshot could be quiesced by VMware Tools, which is said with what that lacks', () => {
  expect(storageText({ disks: disks('vvol') }, { name: 'managed' })).toMatch(
    /1 vVol: by VM snapshots.*vmware-tools.*without a word/,
  );
});
