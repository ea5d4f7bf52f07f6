import { compareContent, type SeenContent } from '../../../src/job/disk-content.ts';
import { deviceId, wwn } from '../../../src/ports/identity.ts';
import type { VmfsSignature } from '../../../src/ports/proxy.ts';

const UUID = '5f3c2a10-0b7d9e4c-1a2b-000c29a1b2c3';
const OTHER = '60a1b2c3-4d5e6f70-2b3c-000c29d4e5f6';

const seen = (number: number, vmfs: VmfsSignature | undefined, datastore?: string, vmfsUuid?: string): SeenContent => ({
  device: {
    device: deviceId(`0000${number}`),
    wwn: wwn('6'.repeat(32)),
    holds: datastore === undefined ? 'disk' : 'datastore',
    datastore: datastore === undefined ? undefined : { name: datastore, vmfsUuid },
    target: deviceId(`0010${number}`),
    targetWwn: wwn('7'.repeat(32)),
    presentNeeded: false,
    imagePath: `${number}.raw`,
    imageBytes: 1,
  },
  signature: { diskId: undefined, vmfs },
});
const head = { volumeUuid: 'v', fileSystemUuid: UUID };
const tail = { volumeUuid: 'v', fileSystemUuid: undefined };

test('extents of one volume whose head is the datastore fit, and of disks nothing is asked', () => {
  expect(compareContent([seen(1, head, 'ds', UUID), seen(2, tail, 'ds', UUID), seen(3, undefined)])).toEqual([]);
});

test.each<[string, readonly SeenContent[], RegExp]>([
  ['no header', [seen(1, head, 'ds', UUID), seen(2, undefined, 'ds', UUID)], /"00102" shows no VMFS header.*"00002"/],
  [
    'another file system',
    [seen(1, { ...head, fileSystemUuid: OTHER }, 'ds', UUID)],
    /shows VMFS "60a1b2c3.*is "5f3c2a10/,
  ],
  [
    'extents of two volumes',
    [seen(1, head, 'ds', UUID), seen(2, { ...tail, volumeUuid: 'w' }, 'ds', UUID)],
    /"v" and "w"/,
  ],
])('%s is refused before hand-over, naming the target', (_what, content, message) => {
  expect(() => compareContent(content)).toThrow(
    expect.objectContaining({ code: 'E_PROXY_DEVICE', message: expect.stringMatching(message) }),
  );
});

test('what could not be compared is told', () => {
  expect(compareContent([seen(1, tail, 'ds', UUID)])).toEqual([expect.stringContaining('"ds"')]);
});
