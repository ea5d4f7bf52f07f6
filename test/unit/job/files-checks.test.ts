import { checkFiles } from '../../../src/job/files-checks.ts';
import { instanceUuid } from '../../../src/ports/identity.ts';

const snapvx = { name: 'snapvx', because: 'the job asks for it' } as const;
const ofVm = { disks: [{ vm: instanceUuid('1'), vmName: 'vm', key: 2000, label: 'Hard disk 1' }] };
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
});
