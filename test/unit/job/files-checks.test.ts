import { checkFiles } from '../../../src/job/files-checks.ts';
import { instanceUuid } from '../../../src/ports/identity.ts';

const snapvx = { name: 'snapvx', because: 'the job asks for it' } as const;
const ofVm = {
  disks: [{ vm: instanceUuid('00000000-0000-0000-0000-000000000001'), vmName: 'vm', key: 2000, label: 'Hard disk 1' }],
};
const disk = { holds: 'disk', datastore: undefined, ...ofVm } as const;
const datastore = { holds: 'datastore', datastore: 'vmfs-ds01', ...ofVm } as const;
const job = (onUnreadable: 'fail' | 'note') => ({ name: 'nightly', files: { onUnreadable } });

test('VMFS is refused before a guest is touched, unless the job accepts the gap', () => {
  expect(() => checkFiles(job('fail'), snapvx, [disk, datastore], [])).toThrow(/datastore "vmfs-ds01"/);
  expect(() => checkFiles(job('note'), snapvx, [disk, datastore], [])).not.toThrow();
  expect(() => checkFiles({ name: 'nightly' }, snapvx, [datastore], [])).not.toThrow();
});

test('a snapshot of the job that is kept, and not handed over, may be of anything', () => {
  const keep = { label: undefined, days: 1, rule: 'own' } as const;

  expect(() => checkFiles({ ...job('fail'), keep }, snapvx, [datastore], [])).not.toThrow();
});

test('the route managed hands over images only', () => {
  const managed = { name: 'managed', because: 'the array refused' } as const;

  expect(() => checkFiles(job('note'), managed, [disk], [])).toThrow(/images only: the array refused/);
  expect(() => checkFiles({ name: 'nightly' }, managed, [disk], [])).not.toThrow();
  expect(() => checkFiles({ name: 'nightly', expose: 'fuse' }, managed, [disk], [])).toThrow(
    /without a copy.*the array refused/,
  );
  expect(() => checkFiles({ name: 'nightly', expose: 'fuse' }, snapvx, [disk, datastore], [])).not.toThrow();
});

describe('what a job wants verified', () => {
  const place = { path: '/x', volume: undefined };
  const verifying = (vm: string) => ({
    name: 'nightly',
    verify: { fileSystems: true, files: [{ ...place, vm }], applications: [] },
  });

  test('is refused on the route managed, where nothing may be written to a disk', () => {
    const managed = { name: 'managed', because: 'the array refused' } as const;

    expect(() => checkFiles(verifying('vm'), managed, [disk], [])).toThrow(/wants disks verified.*the array refused/);
  });

  test('is refused in a VM whose disks are files of a datastore, and accepted where one is a device', () => {
    expect(() => checkFiles(verifying('vm'), snapvx, [datastore], [])).toThrow(
      /VM "vm", whose disks are files of VMFS/,
    );
    expect(() => checkFiles(verifying('vm'), snapvx, [datastore, disk], [])).not.toThrow();
  });

  test('is refused in a VM that is not in the run, unless the run had to leave it out', () => {
    expect(() => checkFiles(verifying('vn'), snapvx, [disk], [])).toThrow(/VM "vn", which is not in this run/);
    expect(() => checkFiles(verifying('vn'), snapvx, [disk], ['vn'])).not.toThrow();
    expect(() => checkFiles(verifying('vn'), snapvx, [disk], 'any')).not.toThrow();
  });
});
