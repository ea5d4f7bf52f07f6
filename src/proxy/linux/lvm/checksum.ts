/** LVM's CRC-32 starts with a value of its own and is not inverted at the end. */
const INITIAL = 0xf597a6cf;
const POLYNOMIAL = 0xedb88320;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc >>> 0;
});

/** Of labels, headers and metadata of LVM2. */
export function lvmChecksum(bytes: Uint8Array): number {
  let crc = INITIAL;
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] ?? 0);
  return crc >>> 0;
}
