import { systemClock } from '../../../src/platform/clock.ts';
import type { DiskBacking } from '../../../src/ports/hypervisor.ts';
import { instanceUuid, type MoRef } from '../../../src/ports/identity.ts';
import { createVsphere, type VsphereOptions } from '../../../src/vsphere/vsphere.ts';
import { hypervisorContract } from '../../contract/hypervisor.ts';
import { PLAIN_DISK, QUIET_VM } from '../../contract/quiet-conditions.ts';
import { otherSessions, startPeer } from './peer.ts';

const displayed = (name: string): string => name.replaceAll('%2f', '/').replaceAll('%25', '%');

// Its session key is the cookie, which the client does not hand out.
const LACKS = ['privileges', 'session keys'] as const;

hypervisorContract(
  'govmomi’s simulator',
  async () => {
    const peer = await startPeer();
    const uuidOf = (index: number) => peer.vms[index]?.instanceUuid ?? '';
    const connect = (changes: Partial<VsphereOptions> = {}) =>
      createVsphere({
        url: peer.url,
        username: peer.username,
        password: async () => peer.password,
        tls: { fingerprint256: peer.fingerprint256 },
        clock: systemClock,
        ...changes,
      });
    const common = { diskMode: 'persistent', onSnapshot: false, sharedByWriters: false, condition: PLAIN_DISK };
    return {
      connect: () => connect(),
      connectBadly: (how) => {
        switch (how) {
          case 'wrong password':
            return connect({ password: async () => 'wrong' });
          case 'nobody listens':
            return connect({ url: 'https://127.0.0.1:1/sdk' });
          case 'untrusted certificate':
            return connect({ tls: {} });
          case 'missing rights':
            throw new Error('the simulator has no privileges');
        }
      },
      openSessions: async () => (await otherSessions(peer, false)).length,
      endSessions: async () => {
        await otherSessions(peer, true);
      },
      expected: {
        facts: {
          product: 'VMware vCenter Server',
          version: expect.stringMatching(/^\d+\.\d+/),
          apiVersion: expect.stringMatching(/^\d+\.\d+/),
          instanceUuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
        },
        vm: {
          instanceUuid: instanceUuid(uuidOf(2)),
          name: 'app01',
          poweredOn: true,
          template: false,
          connected: true,
          guestHostName: 'APP01',
          guestAddress: '192.0.2.11',
          guestFamily: 'windowsGuest',
          condition: {
            ...QUIET_VM,
            host: expect.stringMatching(/^host-\d+$/) as MoRef,
            tasks: expect.any(Array) as [],
          }, // matchers
          disks: [
            {
              ...common,
              key: expect.any(Number),
              label: expect.any(String),
              capacityBytes: expect.any(Number),
              guestDiskUuid: undefined,
              diskMode: 'independent_persistent',
              backing: {
                kind: 'rdm',
                canonicalName: 'naa.60000970000197900046533030304137',
                compatibilityMode: 'physical',
              } as DiskBacking, // what else there is depends on the simulator, and is not compared
            },
            {
              ...common,
              key: 2100,
              label: 'Hard disk 2',
              capacityBytes: 1024 * 1024,
              guestDiskUuid: '6000c291111122223333444455556666',
              backing: {
                kind: 'vvol',
                objectId: 'rfc4122.7a2b1c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d',
                datastore: 'LocalDS_1',
                containerId: 'vvol:1234567890abcdef-fedcba0987654321',
              } as DiskBacking, // the same
            },
            {
              ...common,
              key: 2101,
              label: 'Hard disk 3',
              capacityBytes: 1024 * 1024,
              guestDiskUuid: '6000c292111122223333444455556666',
              onSnapshot: true,
              condition: { ...PLAIN_DISK, chain: ['[LocalDS_0] app01/app01.vmdk'] },
              backing: {
                kind: 'vmfs',
                fileName: '[LocalDS_0] app01/app01-000001.vmdk',
                datastore: 'LocalDS_0',
                datastoreRef: expect.any(String) as MoRef, // a matcher in place of it
                extents: ['naa.60000970000197900046533030304135', 'naa.60000970000197900046533030304136'],
                vmfsUuid: expect.anything() as string,
                datastoreBytes: expect.anything() as number,
              }, // matchers in place of them
            },
          ],
        },
        inventoryPath: 'DC0/vm/app01',
        twins: { name: 'twin', instanceUuids: [uuidOf(3), uuidOf(4)] },
        templateName: 'golden image',
        escapedName: 'web/01 100%',
        disconnectedName: 'far away',
        // Also the VM whose disk was moved to the virtual volume: the simulator's list of the datastore keeps it.
        neighbours: peer.vms.map(({ name }) => displayed(name)),
      },
      close: async () => peer.stop(),
    };
  },
  LACKS,
);
