import type { Plan, PlannedDevice } from '../../../src/job/plan.ts';
import { guestMountPoints } from '../../../src/job/restore-map.ts';
import type { FstabEntry, MountedVolume } from '../../../src/ports/file-systems.ts';

const device = (id: string) => ({ device: id }) as unknown as PlannedDevice; // all that the map reads of it
const volume = (change: Partial<MountedVolume>): MountedVolume => ({
  partition: 1,
  partitionUuid: undefined,
  offsetBytes: 0,
  sizeBytes: 1,
  holds: 'ext4',
  uuid: undefined,
  label: undefined,
  state: 'mounted',
  path: 'x',
  checkedBy: undefined,
  fstab: [],
  ...change,
});
const plan = (...vms: readonly (readonly string[])[]) =>
  ({ vms: vms.map((devices) => ({ disks: [{ devices }] })) }) as unknown as Pick<Plan, 'vms'>;
const entry = (source: string, mountPoint: string): FstabEntry => ({ source, mountPoint });

function placesOf(vms: Pick<Plan, 'vms'>, volumes: readonly (readonly [string, MountedVolume])[]) {
  const found = guestMountPoints(
    vms,
    volumes.map(([id, one]) => ({ device: device(id), folder: 'f', volume: one })),
  );
  return volumes.map(([, one]) => found.get(one));
}

test('a table on one disk tells where file systems of the other disks of its VM are mounted', () => {
  const root = volume({
    uuid: 'aaaa',
    fstab: [
      entry('/dev/sda1', '/'),
      entry('UUID=BBBB-1', '/boot/efi'),
      entry('LABEL=my data', '/srv/data'),
      entry('PARTUUID=cccc', '/opt'),
      entry('/dev/disk/by-uuid/dddd', '/var'),
      entry('/dev/sdb1', '/unknown'),
    ],
  });
  const others = [
    volume({ uuid: 'bbbb-1' }),
    volume({ label: 'my data' }),
    volume({ partitionUuid: 'cccc' }),
    volume({ uuid: 'dddd' }),
    volume({ uuid: 'eeee' }),
  ];

  const places = placesOf(plan(['1', '2']), [['1', root], ...others.map((one) => ['2', one] as const)]);

  expect(places).toEqual([['/'], ['/boot/efi'], ['/srv/data'], ['/opt'], ['/var'], []]);
});

test('the volumes are gone through once, however many VMs there are', () => {
  let looks = 0;
  const looked = Array.from({ length: 60 }, (_, nth) => ({
    device: {
      get device() {
        looks += 1;
        return String(nth);
      },
    } as unknown as PlannedDevice, // all that the map reads of it
    folder: 'f',
    volume: volume({ fstab: [entry('/dev/sda1', '/')] }),
  }));

  const found = guestMountPoints(plan(...looked.map((_, nth) => [String(nth)])), looked);

  expect([...found.values()]).toEqual(looked.map(() => ['/']));
  expect(looks).toBeLessThanOrEqual(3 * looked.length);
});

test('a table says nothing of the disks of another VM, though ids are the same, as in copies of one template', () => {
  const root = volume({ uuid: 'aaaa', fstab: [entry('UUID=aaaa', '/'), entry('UUID=bbbb', '/srv')] });

  expect(
    placesOf(plan(['1'], ['2']), [
      ['1', root],
      ['2', volume({ uuid: 'bbbb' })],
    ]),
  ).toEqual([['/'], []]);
});
