import { readFileSync } from 'node:fs';
import path from 'node:path';
import { RELEASE } from '../release.ts';

/** As it stands in the resources of the file. */
const bytes = readFileSync(path.join(RELEASE, 'snaphook.exe'));
const utf16 = (text: string) => Buffer.from(`${text}\0`, 'utf16le');

test('the file says whose program it is, and its version', () => {
  for (const [name, value] of [
    ['ProductName', 'snaphook'],
    ['OriginalFilename', 'snaphook.exe'],
    ['FileVersion', __VERSION__],
  ] as const) {
    const at = bytes.lastIndexOf(utf16(name));
    expect(bytes.subarray(at, at + 100).includes(utf16(value))).toBe(true);
  }
});

test('the file has our icon, in the sizes that Windows shows', () => {
  const disc = Buffer.from([0x9c, 0x55, 0x1a, 0xff]);
  for (const size of [16, 32, 48, 256]) {
    const header = Buffer.alloc(16);
    header.writeUInt32LE(40, 0);
    header.writeInt32LE(size, 4);
    header.writeInt32LE(size * 2, 8); // picture and mask
    header.writeUInt16LE(1, 12);
    header.writeUInt16LE(32, 14);
    const at = bytes.indexOf(header);
    expect([size, at > 0]).toEqual([size, true]);
    const middle = bytes.subarray(at + 40, at + 40 + size * size * 4);
    const ofDisc = Array.from({ length: size * size }, (_, index) => middle.subarray(index * 4, index * 4 + 4)).filter(
      (pixel) => pixel.equals(disc),
    );
    expect([size, ofDisc.length > (size * size) / 3]).toEqual([size, true]);
  }
});

test("Node's signature, which would be wrong now, is gone", () => {
  const header = bytes.readUInt32LE(0x3c);
  const certificates = header + 24 + 112 + 4 * 8; // the fifth of the data directories of a 64-bit program
  expect([bytes.readUInt32LE(certificates), bytes.readUInt32LE(certificates + 4)]).toEqual([0, 0]);
});
