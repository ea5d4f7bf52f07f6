import { SnaphookError } from '../../ports/errors.ts';
import type { VolumePlace } from '../../ports/file-systems.ts';
import { mustRun, runProgram } from './programs.ts';

/** A place with what its partition table says it is for: a GUID, or the number of an MBR such as `0x83`. */
export interface FoundVolume extends VolumePlace {
  readonly partitionType: string | undefined;
  /** Signatures of several kinds are on it: which one counts nobody knows. */
  readonly isAmbiguous: boolean;
}

const SECTOR_BYTES = 512;
/** Of `blkid --probe`: nothing known, and several things at once. */
const NOTHING = 2;
const AMBIGUOUS = 8;
/** Containers of logical partitions. */
const EXTENDED = new Set(['0x5', '0xf', '0x85']);

/** The stretches of a disk that may hold file systems. Reads only, and asks the bytes themselves: kernel and udev may know older ones. */
export async function findVolumes(
  device: string,
  sizeBytes: number,
  signal: AbortSignal,
): Promise<readonly FoundVolume[]> {
  const whole = await probe(device, [], signal);
  if (whole.tableType === undefined) {
    const place = { partition: undefined, partitionUuid: undefined, partitionType: undefined };
    return [{ ...place, offsetBytes: 0, sizeBytes, ...whole.content }];
  }
  const volumes: FoundVolume[] = [];
  for (const partition of await readTable(device, signal)) {
    const { offsetBytes, sizeBytes: bytes } = partition;
    const at = ['--offset', String(offsetBytes), '--size', String(bytes)];
    volumes.push({ ...partition, ...(await probe(device, at, signal)).content });
  }
  return volumes;
}

interface Content {
  readonly holds: string | undefined;
  readonly uuid: string | undefined;
  readonly label: string | undefined;
  readonly isAmbiguous: boolean;
}

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
      isAmbiguous: exitCode === AMBIGUOUS,
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
