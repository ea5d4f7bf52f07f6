import type { JobSpec } from '../../../src/job/job-spec.ts';
import { layoutOf } from '../../../src/job/layout.ts';
import { lookBeforeFreeze } from '../../../src/job/layout-guard.ts';
import type { Run } from '../../../src/job/step.ts';
import type { VmRecord } from '../../../src/ports/hypervisor.ts';
import { deviceId, instanceUuid, moRef, wwn } from '../../../src/ports/identity.ts';
import { PLAIN_DISK, QUIET_VM } from '../../contract/quiet-conditions.ts';
import { jobSpec } from './job-spec.ts';

const signal = new AbortController().signal;
const DATASTORE = moRef('datastore-1');
const VM: VmRecord = {
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
  disks: [
    {
      key: 2000,
      label: 'Hard disk 1',
      capacityBytes: 1,
      guestDiskUuid: undefined,
      diskMode: 'persistent',
      onSnapshot: false,
      sharedByWriters: false,
      condition: PLAIN_DISK,
      backing: {
        kind: 'vmfs',
        fileName: '[ds] a.vmdk',
        datastore: 'ds',
        datastoreRef: DATASTORE,
        extents: ['naa.6'],
        vmfsUuid: undefined,
        datastoreBytes: undefined,
      },
    },
  ],
};
const NEWCOMER = {
  datastoreRef: DATASTORE,
  instanceUuid: instanceUuid('00000000-0000-4000-8000-000000000002'),
  name: 'vm2',
  poweredOn: true,
  bytes: 7,
};

/** A run of one VM on a datastore of its own when it was planned, and a vCenter that shows another VM there now. */
function runOf(policy: JobSpec['collateral'], ending: 'handed over' | 'kept') {
  const warnings: string[] = [];
  const device = { device: deviceId('00010'), wwn: wwn('6'.repeat(32)), holds: 'datastore' };
  const { instanceUuid: uuid, moRef: ref, name } = VM;
  const planned = { instanceUuid: uuid, moRef: ref, name, role: 'selected', layout: layoutOf(VM), disks: [] };
  const run = {
    plan: {
      spec: jobSpec({ collateral: policy }),
      vms: [planned],
      collateral: [],
      devices: ending === 'kept' ? [] : [device],
      ...(ending === 'kept' && { kept: { devices: [device] } }),
    },
    ports: {
      hypervisor: { findVms: async () => [[VM]], vmsOnDatastores: async () => [NEWCOMER] },
      reporter: { warn: (message: string) => void warnings.push(message) },
    },
  } as unknown as Run; // what the look reads of a run
  return { run, warnings };
}

describe.each(['handed over', 'kept'] as const)('before a snapshot that is %s, who came since the plan', (ending) => {
  test.each(['refuse', 'prepare'] as const)('ends the run (collateral: %s)', async (policy) => {
    const { run } = runOf(policy, ending);
    await expect(lookBeforeFreeze(run, signal)).rejects.toMatchObject({
      code: 'E_VM_CHANGED',
      message: expect.stringContaining('VM "vm2" came to datastore "ds"'),
    });
  });

  test('is told, and written down with everyone else there (collateral: warn)', async () => {
    const { run, warnings } = runOf('warn', ending);
    const { neighbours } = await lookBeforeFreeze(run, signal);
    expect(neighbours).toEqual({
      collateral: [{ datastore: 'ds', vms: [expect.objectContaining({ name: 'vm2', state: 'not-prepared' })] }],
      news: [expect.stringMatching(/^since the plan: VM "vm2" came/)],
    });
    expect(warnings).toEqual(neighbours?.news);
  });
});
