import type { HelperBlock, HelperMount } from '../../../../src/guest/linux/freeze-helper-protocol.ts';

export const DISK_A = '6000c29a1b2c3d4e5f60718293a4b5c6';
export const DISK_B = '6000c29b1b2c3d4e5f60718293a4b5c7';
export const DISK_C = '6000c29c1b2c3d4e5f60718293a4b5c8';

const GIB = 1024 ** 3;

/** A block device as /sys/class/block shows it; numbers are made from the name. */
export function block(name: string, more: Partial<HelperBlock> = {}): HelperBlock {
  const [, kind = '', letter = 'a', partition = '0'] = /^(sd)([a-z])(\d*)$/.exec(name) ?? [];
  const [, stack = '', number = '0'] = /^(dm-|md|loop)(\d+)$/.exec(name) ?? [];
  const majors: Readonly<Record<string, number>> = { 'dm-': 253, md: 9, loop: 7 };
  const device =
    kind === 'sd' ? `8:${16 * (letter.charCodeAt(0) - 97) + Number(partition)}` : `${majors[stack] ?? 259}:${number}`;
  return { name, device, parent: '', slaves: [], serial: '', wwid: '', sizeBytes: GIB, backingFile: '', ...more };
}

/** A disk of a VM with the partitions of these numbers. */
export const disk = (name: string, serial: string, ...partitions: readonly number[]): readonly HelperBlock[] => [
  block(name, { serial, wwid: `naa.${serial}` }),
  ...partitions.map((number) => block(`${name}${number}`, { parent: name })),
];

let lastId = 20;
export function mount(
  device: string,
  mountPoint: string,
  fileSystem: string,
  more: Partial<HelperMount> = {},
): HelperMount {
  lastId += 1;
  return { id: lastId, device, root: '/', mountPoint, fileSystem, source: '/dev/whatever', ...more };
}

/** What every Linux has mounted besides its disks. */
export const SYSTEM: readonly HelperMount[] = [
  mount('0:21', '/sys', 'sysfs'),
  mount('0:22', '/proc', 'proc'),
  mount('0:5', '/dev', 'devtmpfs'),
  mount('0:24', '/run', 'tmpfs'),
];
