import { planRestore } from '../../../src/job/restore-plan.ts';
import { moRef } from '../../../src/ports/identity.ts';
import { MortalRestores } from './worlds/mortal-restores.ts';

const signal = new AbortController().signal;
const PLACE = { host: 'esx1', datastore: 'ds1', folder: undefined, resourcePool: undefined };

/** Of a VM with a virtual TPM, whose disks are plain. */
async function planned(nvram: boolean) {
  const restores = new MortalRestores();
  const uuid = restores.addVm(moRef('vm-1'), { name: 'win11', files: [], poweredOn: false });
  const contentHash = { algorithm: 'blake2b-512-tree', leafBytes: 4 * 1024 * 1024, value: 'ab'.repeat(64) };
  const text = JSON.stringify({
    schema: 'snaphook/manifest',
    version: 1,
    createdAt: '2026-01-01T00:00:00.000Z',
    run: { id: 'l1k2m3n4-abcdef' },
    route: { name: 'snapvx' },
    snapshot: { name: 'snaphook-l1k2m3n4-abcdef-x1y2z3' },
    vms: [
      {
        name: 'win11',
        instanceUuid: uuid,
        grade: 'application',
        hardware: {
          firmware: 'efi',
          tpm: true,
          cpus: 1,
          coresPerSocket: 1,
          memoryMiB: 1024,
          controllers: [{ key: 1000, type: 'ParaVirtualSCSIController', busNumber: 0 }],
          slots: [{ disk: 2000, controller: 1000, unit: 0 }],
          adapters: [],
        },
        notes: [{ code: 'encrypted', severity: 'warning', text: 'VM "win11" is encrypted' }],
        disks: [{ key: 2000, label: 'Hard disk 1', images: ['disk.raw'] }],
      },
    ],
    files: [{ vm: uuid, kind: 'nvram', path: 'win11.nvram', sizeBytes: 5, blake2b: 'cd'.repeat(64) }],
    images: [{ path: 'disk.raw', format: 'raw', holds: 'disk', sizeBytes: 4096, dataBytes: 4096, contentHash }],
  });
  restores.site.files.set('/backup/snaphook-manifest.json', { sizeBytes: text.length, bornAtMs: 0, text });
  const request = {
    directory: '/backup',
    vm: undefined,
    requireGenuine: undefined,
    disks: [],
    goal: { kind: 'new', name: 'win11-restored', place: PLACE },
    connectNetwork: false,
    nvram,
  } as const;
  const plans: Awaited<ReturnType<typeof planRestore>>[] = [];
  const { error } = await restores.process(async (ports) => plans.push(await planRestore(ports, request, signal)));
  expect(error).toBeUndefined();
  return plans[0];
}

test('encrypted settings of the firmware are not brought to a VM without the key, which is told where they are asked for', async () => {
  const leftOut = expect.stringContaining('vSphere has encrypted them');

  const plan = await planned(true);
  expect(plan).toMatchObject({ nvram: undefined, vm: { bringsNvram: false } });
  expect(plan?.warnings).toContainEqual(leftOut);
  expect((await planned(false))?.warnings).not.toContainEqual(leftOut);
});
