import { imageNames } from '../../../src/job/image-names.ts';
import type { SourceDevice } from '../../../src/job/sources.ts';
import { instanceUuid } from '../../../src/ports/identity.ts';
import { filesOfImage, IMAGE_FORMATS, type ImageFormat } from '../../../src/ports/images.ts';

const UUID = instanceUuid('5029a1b2-c3d4-e5f6-0718-293a4b5c6d7e');

/** Disks of one VM with these labels. Names are made of what is here alone. */
const disksOf = (...labels: readonly string[]) =>
  labels.map((label, key) => ({
    holds: 'disk',
    disks: [{ vm: UUID, vmName: 'sql01', key, label }],
  })) as unknown as readonly SourceDevice[];

const filesOf = (format: ImageFormat, ...labels: readonly string[]) =>
  imageNames(disksOf(...labels), format).flatMap((path) =>
    // Bands are in a folder of that path.
    format === 'bands' ? [path] : filesOfImage({ path, format, sizeBytes: 1 }).map((file) => file.path),
  );

test('images are named by VM and disk, with the extension of their format', () => {
  expect(IMAGE_FORMATS.map((format) => imageNames(disksOf('Hard disk 1'), format)[0])).toEqual([
    'sql01/hard-disk-1.raw',
    'sql01/hard-disk-1.vmdk',
    'sql01/hard-disk-1.vmdk',
    'sql01/hard-disk-1.qcow2',
    'sql01/hard-disk-1.bands',
  ]);
  expect(filesOf('vmdk-flat', 'Hard disk 1')).toEqual(['sql01/hard-disk-1.vmdk', 'sql01/hard-disk-1-flat.vmdk']);
});

test.each(IMAGE_FORMATS)('no two images share a file, whatever the disks are called (%s)', (format) => {
  const files = filesOf(format, 'a', 'A', 'a-flat', 'b', 'b flat');

  expect(new Set(files).size).toBe(files.length);
});

/** One disk of each of these VMs, and an extent of a datastore. */
const estate = (...names: readonly string[]) =>
  [
    ...names.map((vmName, key) => ({ holds: 'disk', disks: [{ vm: UUID, vmName, key, label: 'Hard disk 1' }] })),
    { holds: 'datastore', datastore: 'gold', device: { id: '00101' }, disks: [] },
  ] as unknown as readonly SourceDevice[];

test('with owner groups each VM lies in the folder of the first group that its name fits, and the rest in one of its own', () => {
  const groups = [
    { group: 'finance', vms: ['FIN-*', 'ledger'] },
    { group: 'web', vms: ['*web*'] },
  ];

  expect(imageNames(estate('fin-web1', 'ledger', 'web1', 'ledger2'), 'raw', groups)).toEqual([
    'finance/fin-web1/hard-disk-1.raw',
    'finance/ledger/hard-disk-1.raw',
    'web/web1/hard-disk-1.raw',
    'ungrouped/ledger2/hard-disk-1.raw',
    'ungrouped/datastore-gold/00101.raw',
  ]);
});
