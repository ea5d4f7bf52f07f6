import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { makeFileSystem, type Stretch } from './disk-image.ts';
import { must, newFolder } from './stage.ts';

/** A place in a file that becomes a physical volume. */
export interface Member extends Stretch {
  readonly file: string;
  /** Copies of the metadata on it; default: one. */
  readonly copies?: 0 | 1;
}

export interface MadeVolume {
  readonly name: string;
  readonly options: readonly string[];
}

/** Where a logical volume lies, as LVM itself tells: in which member, and where in its file. */
export interface Piece extends Stretch {
  readonly file: string;
}

const EXTENT_BYTES = 1024 * 1024;

/**
 * Makes a volume group with LVM's own programs, which need no device mapper as long as nothing is activated. Volumes one after the other,
 * by the options of lvcreate(8). They see the members alone, and leave nothing on this machine.
 */
export function makeVolumeGroup(
  group: string,
  members: readonly Member[],
  volumes: readonly MadeVolume[],
): ReadonlyMap<string, readonly Piece[]> {
  const home = newFolder('lvm');
  mkdirSync(path.join(home, 'lock'));
  return onLoops(members, (devices) => {
    const config = [
      `devices { scan = ["/dev"] use_devicesfile = 0 obtain_device_list_from_udev = 0 filter = [${devices.map((device) => `"a|^${device}$|"`).join(', ')}, "r|.*|"] }`,
      'activation { udev_sync = 0 udev_rules = 0 }',
      `global { locking_dir = "${home}/lock" event_activation = 0 }`,
      'backup { backup = 0 archive = 0 }',
    ].join(' ');
    const lvm = (command: string, ...args: readonly string[]) =>
      must('lvm', [command, '--config', config, '--driverloaded', 'n', ...args], undefined, {
        LVM_SYSTEM_DIR: home,
        LVM_SUPPRESS_FD_WARNINGS: '1',
      });
    for (const [index, device] of devices.entries())
      lvm('pvcreate', '--yes', '--metadatacopies', String(members[index]?.copies ?? 1), device);
    lvm('vgcreate', '--physicalextentsize', '1m', group, ...devices);
    for (const { name, options } of volumes)
      lvm(
        'lvcreate',
        '--yes',
        '--activate',
        'n',
        '--zero',
        'n',
        '--wipesignatures',
        'n',
        '--name',
        name,
        ...options,
        group,
      );
    const starts = reported(lvm('pvs', '--noheadings', '--units', 'b', '--nosuffix', '-o', 'pv_name,pe_start'));
    const startOf = new Map(starts.map(([device = '', start]) => [device, Number(start)]));
    const ranges = reported(lvm('lvs', '--noheadings', '--segments', '-o', 'lv_name,seg_pe_ranges', group));
    const pieces = new Map<string, Piece[]>();
    for (const [name = '', range = ''] of ranges) {
      const [, device = '', first, last] = /^(.*):(\d+)-(\d+)$/.exec(range) ?? [];
      const member = members[devices.indexOf(device)];
      if (!member) throw new Error(`lvs tells of "${name}" what is unknown: ${range}`);
      const piece = {
        file: member.file,
        offsetBytes: member.offsetBytes + (startOf.get(device) ?? 0) + Number(first) * EXTENT_BYTES,
        sizeBytes: (Number(last) - Number(first) + 1) * EXTENT_BYTES,
      };
      pieces.set(name, [...(pieces.get(name) ?? []), piece]);
    }
    return pieces;
  });
}

/** The only piece of a volume. */
export function pieceOf(pieces: ReadonlyMap<string, readonly Piece[]>, name: string): Piece {
  const [piece, ...others] = pieces.get(name) ?? [];
  if (!piece || others.length > 0) throw new Error(`"${name}" is not in one piece`);
  return piece;
}

export const makeExt4 = (piece: Piece): void => makeFileSystem(piece.file, piece, 'ext4');

const reported = (text: string): readonly (readonly string[])[] =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.trim().split(/\s+/));

function onLoops<Result>(members: readonly Member[], work: (devices: readonly string[]) => Result): Result {
  const devices: string[] = [];
  try {
    for (const { file, offsetBytes, sizeBytes } of members) {
      const place = ['--offset', String(offsetBytes), '--sizelimit', String(sizeBytes)];
      devices.push(must('losetup', ['--find', '--show', ...place, file]));
    }
    return work(devices);
  } finally {
    for (const device of devices) must('losetup', ['--detach', device]);
  }
}
