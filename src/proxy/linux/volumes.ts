import { SnaphookError } from '../../ports/errors.ts';
import type { VolumePlace } from '../../ports/file-systems.ts';
import { mustRun, runProgram } from './programs.ts';

/** A place with what its partition table says it is for: a GUID, or the number of an MBR such as `0x83`. */
export interface FoundVolume extends VolumePlace {
  readonly partitionType: string | undefined;
  /** Why it is not to be mounted, whatever it holds; undefined: nothing is against it. */
  readonly flaw: Flaw | undefined;
}

/**
 * `several-signatures`: which one counts nobody knows. `file-system-and-table`: the same of a whole disk. `beyond-the-disk`: the table
 * gives the partition more than there is. `table-lost`: only the stand-in (PMBR) of a GPT is there. `no-partitions`: the table is empty.
 * `inner-table`: a logical volume has partitions of its own, as the disk of a machine inside of the VM.
 */
export type Flaw =
  | 'several-signatures'
  | 'file-system-and-table'
  | 'beyond-the-disk'
  | 'table-lost'
  | 'no-partitions'
  | 'inner-table';

const SECTOR_BYTES = 512;
/** Of `blkid --probe`: nothing known, and several things at once. */
const NOTHING = 2;
const AMBIGUOUS = 8;
/** What libblkid calls a table that only says that a GPT is elsewhere. */
const GPT_STAND_IN = 'PMBR';
/** Containers of logical partitions. */
const EXTENDED = new Set(['0x5', '0xf', '0x85']);

/**
 * The stretches of a disk that may hold file systems, at least one: no disk is passed over. Reads only, and asks the bytes themselves:
 * kernel and udev may know older ones.
 */
export async function findVolumes(
  device: string,
  sizeBytes: number,
  signal: AbortSignal,
): Promise<readonly FoundVolume[]> {
  const { content, tableType } = await probe(device, [], signal);
  const place = { partition: undefined, partitionUuid: undefined, partitionType: undefined, offsetBytes: 0, sizeBytes };
  const whole = (flaw: Flaw | undefined): readonly FoundVolume[] => [{ ...place, ...content, flaw }];
  if (tableType === undefined || content.flaw !== undefined) return whole(content.flaw);
  if (content.holds !== undefined) return whole('file-system-and-table');
  const partitions = await readTable(device, signal);
  if (partitions.length === 0) return whole(tableType === GPT_STAND_IN ? 'table-lost' : 'no-partitions');
  const volumes: FoundVolume[] = [];
  for (const partition of partitions) {
    const isInside = partition.offsetBytes + partition.sizeBytes <= sizeBytes;
    volumes.push({ ...partition, ...(isInside ? (await probe(device, stretch(partition), signal)).content : BEYOND) });
  }
  return volumes;
}

/** What a logical volume at that place holds. */
export async function lookAtLogicalVolume(
  device: string,
  place: { readonly offsetBytes: number; readonly sizeBytes: number },
  signal: AbortSignal,
): Promise<Content> {
  const { content, tableType } = await probe(device, stretch(place), signal);
  const hasTableAlone = content.holds === undefined && content.flaw === undefined && tableType !== undefined;
  return hasTableAlone ? { ...content, flaw: 'inner-table' } : content;
}

const stretch = ({ offsetBytes, sizeBytes }: { readonly offsetBytes: number; readonly sizeBytes: number }) => [
  '--offset',
  String(offsetBytes),
  '--size',
  String(sizeBytes),
];

export type Content = Pick<FoundVolume, 'holds' | 'uuid' | 'label' | 'flaw'>;

/** A part of it is missing: what is there tells nothing. */
const BEYOND: Content = { holds: undefined, uuid: undefined, label: undefined, flaw: 'beyond-the-disk' };

async function probe(
  device: string,
  at: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly content: Content; readonly tableType: string | undefined }> {
  const { exitCode, stdout, said } = await runProgram('blkid', ['--probe', '--output', 'udev', ...at, device], signal);
  if (exitCode !== 0 && exitCode !== NOTHING && exitCode !== AMBIGUOUS) {
    throw new SnaphookError(
      'E_PROXY_DEVICE',
      `device "${device}" cannot be looked at: blkid says ${said || 'nothing'}`,
      {
        hint: 'Check the paths of the device on the proxy (multipath -ll, dmesg).',
      },
    );
  }
  const fields = new Map(
    stdout.split('\n').map((line) => {
      const equals = line.indexOf('=');
      return [line.slice(0, equals), line.slice(equals + 1)] as const;
    }),
  );
  const label = fields.get('ID_FS_LABEL_ENC');
  return {
    tableType: fields.get('ID_PART_TABLE_TYPE'),
    content: {
      holds: fields.get('ID_FS_TYPE'),
      uuid: fields.get('ID_FS_UUID'),
      label: label === undefined ? undefined : decoded(label),
      flaw: exitCode === AMBIGUOUS ? 'several-signatures' : undefined,
    },
  };
}

/** Whatever is not plain is written as `\x20` and the like. */
const decoded = (text: string): string =>
  text.replace(/\\x([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

const COLUMNS = 'NR,START,SECTORS,TYPE,UUID';

async function readTable(device: string, signal: AbortSignal) {
  const pairs = await mustRun('partx', ['--pairs', '--output', COLUMNS, device], signal);
  return pairs
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => {
      const [, number, start, sectors, type = '', uuid = ''] =
        /^NR="(\d+)" START="(\d+)" SECTORS="(\d+)" TYPE="([^"]*)" UUID="([^"]*)"$/.exec(line) ?? [];
      if (number === undefined)
        throw new SnaphookError('E_PROXY', `partx tells of "${device}" what is unknown: ${line}`);
      const partition = {
        partition: Number(number),
        partitionUuid: uuid || undefined,
        partitionType: type || undefined,
        offsetBytes: Number(start) * SECTOR_BYTES,
        sizeBytes: Number(sectors) * SECTOR_BYTES,
      };
      return EXTENDED.has(type) ? [] : [partition];
    });
}
