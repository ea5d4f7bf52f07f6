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

test("Node's signature, which would be wrong now, is gone", () => {
  const header = bytes.readUInt32LE(0x3c);
  const certificates = header + 24 + 112 + 4 * 8; // the fifth of the data directories of a 64-bit program
  expect([bytes.readUInt32LE(certificates), bytes.readUInt32LE(certificates + 4)]).toEqual([0, 0]);
});
