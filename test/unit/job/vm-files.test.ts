import { plannedManifestOf, readManifestNote } from '../../../src/job/manifest.ts';
import type { Plan } from '../../../src/job/plan.ts';
import { handedOverFilesOf, vmFilesOf } from '../../../src/job/vm-files.ts';
import type { VmHardware } from '../../../src/ports/vm-hardware.ts';
import { jobSpec } from './job-spec.ts';

const HARDWARE = {
  controllers: [{ key: 1000, type: 'ParaVirtualSCSIController', busNumber: 0 }],
  slots: [
    { disk: 2000, controller: 1000, unit: 0 },
    { disk: 2001, controller: 1000, unit: 1 },
  ],
} as unknown as VmHardware; // as far as it is looked at

const vm = (nth: number, name: string, devices: readonly string[]) => ({
  instanceUuid: `uuid-${nth}`,
  name,
  hardware: HARDWARE,
  disks: devices.map((device, index) => ({ key: 2000 + index, devices: [device] })),
});
const device = (id: string, imagePath: string, holds = 'disk') => ({ device: id, imagePath, holds, imageBytes: 1 });

/** The plan of two VMs, as far as it is looked at. */
const planOf = (change: object = {}) =>
  ({
    runId: 'run',
    snapshotName: 'snaphook-run',
    spec: jobSpec({ imageFormat: 'vmdk-stream', configurationFiles: 'note' }),
    vms: [vm(1, 'web 01', ['a', 'b']), vm(2, '../../etc/Web 02', ['c'])],
    devices: [device('a', 'web-01/one.vmdk'), device('b', 'web-01/two.vmdk'), device('c', 'etc-Web-02/one.vmdk')],
    ...change,
  }) as unknown as Plan;

const pathsOf = (plan: Plan) => vmFilesOf(plan).map(({ path }) => path);

test('each VM has its configuration and a descriptor beside its images, and no name leads out of the directory', () => {
  expect(pathsOf(planOf())).toEqual([
    'web-01/web-01.vmx',
    'web-01/web-01.nvram',
    'web-01/web-01.ovf',
    'etc-Web-02/etc-Web-02.vmx',
    'etc-Web-02/etc-Web-02.nvram',
    'etc-Web-02/etc-Web-02.ovf',
  ]);
});

test('VMs whose names give the same are told apart, whatever their case', () => {
  const vms = [vm(1, 'web', ['a']), vm(2, 'WEB', ['c'])];
  const devices = [device('a', 'web/one.vmdk'), device('c', 'WEB-uuid-2/one.vmdk')];
  const paths = pathsOf(planOf({ vms, devices }));
  expect(new Set(paths.map((path) => path.toLowerCase())).size).toBe(6);
  expect(paths).toContain('web-uuid-1/web-uuid-1.vmx');
});

test('where VMs have owners, the files of each lie in the folder of its owner', () => {
  const ownerGroups = [{ group: 'web', vms: ['web*'] }];
  const spec = jobSpec({ configurationFiles: 'note', ownerGroups });
  expect(pathsOf(planOf({ spec })).filter((path) => path.endsWith('.vmx'))).toEqual([
    'web/web-01/web-01.vmx',
    'ungrouped/etc-Web-02/etc-Web-02.vmx',
  ]);
});

test('a descriptor needs streamOptimized images of whole disks, all in its folder, and hardware', () => {
  const ovfOf = (change: object) => pathsOf(planOf(change)).filter((path) => path.endsWith('.ovf'));
  const [first, second] = planOf().vms;
  expect(ovfOf({ spec: jobSpec({ imageFormat: 'raw' }) })).toEqual([]);
  expect(ovfOf({ vms: [{ ...first, hardware: undefined }, second] })).toEqual(['etc-Web-02/etc-Web-02.ovf']);
  const shared = [
    device('a', 'web-01/one.vmdk'),
    device('b', 'etc-Web-02/two.vmdk'),
    device('c', 'etc-Web-02/one.vmdk'),
  ];
  expect(ovfOf({ devices: shared })).toEqual(['etc-Web-02/etc-Web-02.ovf']);
  const datastores = [
    device('a', 'ds/a.vmdk', 'datastore'),
    device('b', 'ds/b.vmdk'),
    device('c', 'ds/c.vmdk', 'datastore'),
  ];
  expect(ovfOf({ devices: datastores })).toEqual([]);
});

test('nothing of vCenter lies beside images of another time, or where it was not asked for', () => {
  const vmxOf = (change: object) => pathsOf(planOf(change)).filter((path) => path.endsWith('.vmx'));
  expect(vmxOf({})).toHaveLength(2);
  expect(vmxOf({ spec: jobSpec() })).toEqual([]);
  expect(vmxOf({ borrowed: { ownName: 'x' } })).toEqual([]);
  expect(pathsOf(planOf({ kept: { devices: [] } }))).toEqual([]);
});

test('a planned manifest names the files, so that whoever finds it knows whose they are', () => {
  const plan = planOf();
  const note = readManifestNote(plannedManifestOf(plan));
  expect(note?.files).toEqual(pathsOf(plan));
  expect(handedOverFilesOf(plan).map(({ path }) => path)).toEqual(expect.arrayContaining([...pathsOf(plan)]));
  const outside = JSON.stringify({ ...JSON.parse(plannedManifestOf(plan)), files: [{ path: '../x' }] });
  expect(readManifestNote(outside)).toBeUndefined();
});
