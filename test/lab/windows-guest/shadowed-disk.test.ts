import type { BlockDevice } from '../../../src/lab/devices/block-device.ts';
import { SHADOW_BLOCK_BYTES } from '../../../src/lab/windows-guest/shadow-store.ts';
import { SHADOW_AREA_TEXT, ShadowedDisk } from '../../../src/lab/windows-guest/shadowed-disk.ts';

const MIB = 1024 * 1024;

/** An NTFS over the whole disk, with a file for the store. */
function ntfs(): BlockDevice {
  const bytes = Buffer.alloc(4 * MIB);
  bytes.write('NTFS    ', 3, 'latin1');
  bytes.fill(SHADOW_AREA_TEXT, MIB, 2 * MIB);
  return {
    sizeBytes: bytes.length,
    read: (offsetBytes, lengthBytes) => Buffer.from(bytes.subarray(offsetBytes, offsetBytes + lengthBytes)),
    write: (offsetBytes, data) => void bytes.set(data, offsetBytes),
  };
}

test('a shadow copy has as much room as those before it had, which were removed', () => {
  let givenUp = 0;
  const disk = new ShadowedDisk(ntfs(), '44444444-8e0c-4c55-9f0b-0c5c6e1e2d00', () => {
    givenUp += 1;
  });

  for (let round = 1; round <= 20; round += 1) {
    const shadowCopyId = `11111111-8e0c-4c55-9f0b-0c5c6e1e2d${round + 10}`;
    disk.addCopy({ shadowCopyId, setId: shadowCopyId, storeId: shadowCopyId, createdAt: new Date(0) });
    disk.write(3 * MIB, Buffer.alloc(8 * SHADOW_BLOCK_BYTES, round));
    disk.removeCopy(shadowCopyId);
  }

  expect(givenUp).toBe(0);
});
