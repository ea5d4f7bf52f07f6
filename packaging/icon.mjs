// The icon of snaphook.exe, drawn: a white hook on a blue disc. Bitmaps, not PNG: their bytes are the same with every zlib.
const SIZES = [16, 32, 48, 256];
/** Blue, green, red, as bitmaps have them. */
const DISC = [0x9c, 0x55, 0x1a];
const HOOK = [0xff, 0xff, 0xff];
/** Of one pixel, each way. */
const SAMPLES = 4;

/** How far a point of the unit square is from the hook's line: a shaft, and three quarters of a circle below it. */
function distanceToHook(x, y) {
  const shaft = Math.hypot(x - 0.62, y - Math.min(Math.max(y, 0.2), 0.58));
  const [dx, dy] = [x - 0.47, y - 0.58];
  const isBelow = dy >= 0 || dx < -0.1;
  const bow = isBelow ? Math.abs(Math.hypot(dx, dy) - 0.15) : 1;
  return Math.min(shaft, bow);
}

/** Blue, green, red and opacity of one pixel. */
function pixel(size, column, row) {
  let [hook, disc] = [0, 0];
  for (let sample = 0; sample < SAMPLES ** 2; sample += 1) {
    const x = (column + ((sample % SAMPLES) + 0.5) / SAMPLES) / size;
    const y = (row + (Math.floor(sample / SAMPLES) + 0.5) / SAMPLES) / size;
    if (Math.hypot(x - 0.5, y - 0.5) > 0.49) continue;
    if (distanceToHook(x, y) < 0.06) hook += 1;
    else disc += 1;
  }
  const seen = hook + disc;
  const mixed = (channel) => (seen === 0 ? 0 : Math.round((HOOK[channel] * hook + DISC[channel] * disc) / seen));
  return [mixed(0), mixed(1), mixed(2), Math.round((255 * seen) / SAMPLES ** 2)];
}

/** A bitmap of 32 bits a pixel, from the last row to the first, and the empty mask that icons carry besides. */
function bitmap(size) {
  const header = Buffer.alloc(40);
  header.writeUInt32LE(40, 0);
  header.writeInt32LE(size, 4);
  header.writeInt32LE(size * 2, 8); // both, picture and mask
  header.writeUInt16LE(1, 12);
  header.writeUInt16LE(32, 14);
  const rows = Array.from({ length: size }, (_, index) => size - 1 - index);
  const columns = Array.from({ length: size }, (_, index) => index);
  const colors = Buffer.from(rows.flatMap((row) => columns.flatMap((column) => pixel(size, column, row))));
  return Buffer.concat([header, colors, Buffer.alloc(size * 4 * Math.ceil(size / 32))]);
}

/** The bytes of an .ico file. */
export function iconFile() {
  const bitmaps = SIZES.map(bitmap);
  const head = Buffer.alloc(6 + 16 * SIZES.length);
  head.writeUInt16LE(1, 2);
  head.writeUInt16LE(SIZES.length, 4);
  let offset = head.length;
  for (const [index, size] of SIZES.entries()) {
    const entry = head.subarray(6 + 16 * index);
    entry.writeUInt8(size % 256, 0); // 0 stands for 256
    entry.writeUInt8(size % 256, 1);
    entry.writeUInt16LE(1, 4);
    entry.writeUInt16LE(32, 6);
    entry.writeUInt32LE(bitmaps[index].length, 8);
    entry.writeUInt32LE(offset, 12);
    offset += bitmaps[index].length;
  }
  return Buffer.concat([head, ...bitmaps]);
}
