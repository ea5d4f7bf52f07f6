import { findDevices } from '../../../src/job/sources.ts';
import type { VmRecord } from '../../../src/ports/hypervisor.ts';
import { arrayId, deviceId, instanceUuid, moRef, wwn } from '../../../src/ports/identity.ts';
import type { StorageArray } from '../../../src/ports/storage-array.ts';
import { PLAIN_DISK, QUIET_VM } from '../../contract/quiet-conditions.ts';

const signal = new AbortController().signal;
const HOME = '000197900046';
const WWN = wwn('600009700bcbb71139ff017800000600');

const vvolIn = (container: string, vasaArrays: readonly string[]) => {
  const disk: VmRecord['disks'][number] = {
    key: 2000,
    label: 'Hard disk 1',
    capacityBytes: 1,
    guestDiskUuid: undefined,
    diskMode: 'persistent',
    onSnapshot: false,
    sharedByWriters: false,
    condition: PLAIN_DISK,
    backing: {
      kind: 'vvol',
      objectId: `naa.${WWN}`,
      datastore: 'gold',
      datastoreRef: moRef('datastore-1'),
      containerId: container,
      vasaArrays,
    },
  };
  const vm: VmRecord = {
    instanceUuid: instanceUuid('00000000-0000-4000-8000-000000000001'),
    moRef: moRef('vm-1'),
    name: 'vm1',
    poweredOn: true,
    template: false,
    connected: true,
    guestHostName: undefined,
    guestAddress: undefined,
    guestFamily: undefined,
    condition: QUIET_VM,
    disks: [disk],
  };
  return [{ vm, disk }];
};

/** An array that says which containers it was asked for, and has none of them. */
function arrayAsked(id: string, hasDevice: boolean) {
  const asked: string[] = [];
  const device = { id: deviceId('00202'), effectiveWwn: WWN };
  const array = {
    id: arrayId(id),
    facts: async () => ({}),
    inventory: async () => ({ sources: [hasDevice ? [device] : []], clues: [{}], pool: [] }),
    storageContainers: async (ids: readonly string[]) => {
      asked.push(...ids);
      return ids.map(() => undefined);
    },
  } as unknown as StorageArray; // what the search asks
  return { array, asked };
}

test.each([
  ['one array that vCenter names is not asked for the container', [`com.emc:${HOME}`], 1, []],
  ['one array that vCenter does not name is asked', ['PowerMax in Frankfurt'], 1, ['vvol:1-2']],
  ['of several arrays each is asked', [`com.emc:${HOME}`], 2, ['vvol:1-2']],
])('%s', async (_what, vasaArrays, count, expected) => {
  const arrays = [arrayAsked(HOME, true), arrayAsked('000197900047', false)].slice(0, count);

  const { answers } = await findDevices(
    arrays.map(({ array }) => array),
    'pool',
    vvolIn('vvol:1-2', vasaArrays),
    signal,
  );

  expect(arrays.map(({ asked }) => asked)).toEqual(arrays.map(() => expected));
  expect(answers.map(({ containers }) => [...containers])).toEqual(
    arrays.map(() => expected.map((id) => [id, undefined])),
  );
});
