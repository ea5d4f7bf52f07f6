import type { BlockDevice } from '../../../src/lab/devices/block-device.ts';
import { writeVmfsHeaders } from '../../../src/lab/devices/vmfs-header.ts';
import { stableVmfsUuid } from '../../../src/lab/vcenter/properties/stable-ids.ts';
import type { ReachedDevice } from '../../../src/lab/vcenter/storage-side.ts';
import { startLab, type TestLab } from './lab-vcenter.ts';
import { NAA_A, NAA_B, NAA_RDM } from './sample-inventory.ts';

export const HOST = 'esx1.example.org';
export const ORIGINAL_UUID = stableVmfsUuid(NAA_A);
const copyName = (letter: string) => `naa.60000970000197900123${'53303035'}${letter.repeat(2)}`;
/** Devices that will show copies of the datastore's two extents, and a second copy of its head. */
export const COPY_A = copyName('4a');
export const COPY_B = copyName('4b');
export const SECOND_COPY_A = copyName('4c');

const BYTES = 24 * 1024 * 1024;

function memoryDevice(): BlockDevice {
  const content = Buffer.alloc(BYTES);
  return {
    sizeBytes: BYTES,
    read: (offsetBytes, lengthBytes) => Buffer.from(content.subarray(offsetBytes, offsetBytes + lengthBytes)),
    write: (offsetBytes, data) => content.set(data, offsetBytes),
  };
}

export interface CopiedVolume {
  readonly lab: TestLab;
  /** Masks devices to the host; it sees them after a scan. */
  present(...names: readonly string[]): void;
  withdraw(...names: readonly string[]): void;
  contentOf(name: string): Buffer;
}

/** A vCenter whose first host reaches the extents of its datastore, and devices with the same bytes once they are presented. */
export async function openCopiedVolume(): Promise<CopiedVolume> {
  const volume = { uuid: ORIGINAL_UUID, label: 'VMFS-1', volumeUuid: '5f3c2a0f-1d2e3f40-0a1b-000c29a1b2c0' };
  const devices = new Map([NAA_A, NAA_B, NAA_RDM, COPY_A, COPY_B, SECOND_COPY_A].map((name) => [name, memoryDevice()]));
  const contentOf = (name: string) => devices.get(name) ?? memoryDevice();
  writeVmfsHeaders([contentOf(NAA_A), contentOf(NAA_B)], volume);
  for (const [from, to] of [
    [NAA_A, COPY_A],
    [NAA_B, COPY_B],
    [NAA_A, SECOND_COPY_A],
  ] as const)
    contentOf(to).write(0, contentOf(from).read(0, BYTES));
  const presented = new Set([NAA_A, NAA_B, NAA_RDM]);
  const reached = (host: string): readonly ReachedDevice[] | undefined =>
    host === HOST
      ? [...presented].map((canonicalName, lun) => ({ canonicalName, lun, content: contentOf(canonicalName) }))
      : undefined;
  const lab = await startLab({ hostPaths: { reached } });
  return {
    lab,
    present: (...names) => {
      for (const name of names) presented.add(name);
    },
    withdraw: (...names) => {
      for (const name of names) presented.delete(name);
    },
    contentOf: (name) => contentOf(name).read(0, BYTES),
  };
}
