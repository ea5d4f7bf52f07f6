import type { NewDevices } from '../ports/storage-array.ts';
import type { Unisphere } from './client.ts';
import { storageGroup } from './paths.ts';
import { bodyOf } from './reply.ts';

export interface NewDevicesRequest {
  readonly storageGroup: string;
  readonly identifier: string;
  readonly devices: readonly NewDevices[];
}

/**
 * Makes devices in a storage group (Unisphere 10.0 OpenAPI: `expandStorageGroupParam.addVolumeParam`), one request for each emulation.
 * `create_new_volumes: false` would be best effort: Unisphere may then hand over devices that exist, with whatever they hold. As a job,
 * because it may take longer than what is between us and the server keeps a request open.
 */
export async function createDevices(
  unisphere: Unisphere,
  { storageGroup: group, identifier, devices }: NewDevicesRequest,
  signal: AbortSignal,
): Promise<void> {
  const { endpoint } = await unisphere.version(signal);
  const path = storageGroup(endpoint, unisphere.arrayId, group);
  for (const emulation of new Set(devices.map((wanted) => wanted.emulation))) {
    const wanted = devices.filter((one) => one.emulation === emulation);
    const volumeAttributes = wanted.map(({ cylinders, count }) => ({
      num_of_vols: count,
      capacityUnit: 'CYL',
      volume_size: String(cylinders),
      volumeIdentifier: { volumeIdentifierChoice: 'identifier_name', identifier_name: identifier },
    }));
    const addVolumeParam = { emulation, create_new_volumes: true, volumeAttributes };
    const body = {
      editStorageGroupActionParam: { expandStorageGroupParam: { addVolumeParam } },
      executionOption: 'ASYNCHRONOUS',
    };
    const count = wanted.reduce((sum, one) => sum + one.count, 0);
    bodyOf(
      await unisphere.write({ method: 'PUT', path, body }, signal),
      `make ${count} devices in storage group "${group}"`,
    );
  }
}
