import type { JobPorts } from '../../../src/job/ports.ts';
import { restoreVm } from '../../../src/job/restore.ts';
import type { RestoreGoal } from '../../../src/job/restore-plan.ts';
import { cleanUpRun } from '../../../src/job/run-record.ts';
import { moRef } from '../../../src/ports/identity.ts';
import { MortalRestores } from './worlds/mortal-restores.ts';

const signal = new AbortController().signal;
const DISK = 2000;
const CONTENT = 'image sql01/disk.raw';
const PLACE = { host: 'esx1', datastore: 'ds1', folder: undefined, resourcePool: undefined };
const [OLD, OTHER] = [moRef('vm-1'), moRef('vm-2')];

/** The VM of the backup, powered off, and another one that runs. */
function world() {
  const restores = new MortalRestores();
  const uuid = restores.addVm(OLD, { name: 'sql01', files: ['[ds1] sql01/sql01.vmdk'], poweredOn: false });
  restores.addVm(OTHER, { name: 'web01', files: ['[ds1] web01/web01.vmdk'], poweredOn: true });
  const hardware = {
    firmware: 'efi',
    cpus: 1,
    coresPerSocket: 1,
    memoryMiB: 1024,
    controllers: [{ key: 1000, type: 'ParaVirtualSCSIController', busNumber: 0 }],
    slots: [{ disk: DISK, controller: 1000, unit: 0 }],
    adapters: [],
  };
  const contentHash = { algorithm: 'blake2b-512-tree', leafBytes: 4 * 1024 * 1024, value: 'ab'.repeat(64) };
  const image = { path: 'sql01/disk.raw', format: 'raw', holds: 'disk', sizeBytes: 4096, dataBytes: 4096, contentHash };
  const text = JSON.stringify({
    schema: 'snaphook/manifest',
    version: 1,
    createdAt: '2026-01-01T00:00:00.000Z',
    run: { id: 'l1k2m3n4-abcdef' },
    snapshot: { name: 'snaphook-l1k2m3n4-abcdef-x1y2z3' },
    vms: [
      {
        name: 'sql01',
        instanceUuid: uuid,
        grade: 'application',
        hardware,
        disks: [{ key: DISK, label: 'Hard disk 1', images: [image.path] }],
      },
    ],
    files: [{ vm: uuid, kind: 'nvram', path: 'sql01/sql01.nvram', sizeBytes: 5, blake2b: 'cd'.repeat(64) }],
    images: [image],
  });
  restores.site.files.set('/backup/snaphook-manifest.json', { sizeBytes: text.length, bornAtMs: 0, text });
  return { restores, uuid };
}

const restoring = (goal: RestoreGoal) => (ports: JobPorts) =>
  restoreVm(
    ports,
    {
      directory: '/backup',
      vm: undefined,
      requireGenuine: undefined,
      disks: goal.kind === 'into' ? ['Hard disk 1'] : [],
      goal,
      connectNetwork: false,
      nvram: true,
    },
    signal,
  );

/** What `reap` does with the runs of dead processes. */
async function cleanUp(ports: JobPorts): Promise<void> {
  for (const { runId, job } of await ports.journals.openRuns())
    await cleanUpRun(ports, runId, 'recovered', { lock: await ports.locks.acquire(`job ${job}`, 0) });
}

type World = ReturnType<typeof world>;
const named = ({ restores }: World, name: string) => [...restores.vms.values()].filter((vm) => vm.name === name);
const holdsBackup = ({ restores }: World, files: readonly string[]) =>
  files.length > 0 && files.every((file) => restores.content.get(file) === CONTENT);

const HARMS = (['dies', 'fails'] as const).flatMap((how) =>
  (['before', 'after'] as const).map((when) => ({ how, when })),
);

/** What is wrong when everything was cleaned up; nothing: it is done as a whole, or not at all. */
const GOALS: readonly [string, RestoreGoal, (world: World) => readonly string[]][] = [
  [
    'a new VM',
    { kind: 'new', name: 'sql01-restored', place: PLACE },
    (all) => named(all, 'sql01-restored').flatMap(({ files }) => (holdsBackup(all, files) ? [] : ['not whole'])),
  ],
  [
    'one in place',
    { kind: 'in-place', place: PLACE },
    (all) => {
      const [vm, ...others] = named(all, 'sql01');
      if (!vm || others.length > 0 || vm.uuid !== all.uuid) return ['nobody has the place, or two have it'];
      const old = all.restores.vms.get(OLD);
      return old && all.restores.content.has(old.files[0] ?? '') ? [] : ['the VM that was there is gone'];
    },
  ],
  [
    'disks of another VM',
    { kind: 'into', vm: { by: 'name', name: 'web01' }, datastore: undefined },
    (all) => {
      const added = all.restores.vms.get(OTHER)?.files.slice(1) ?? [];
      const bringers = [...all.restores.vms.values()].filter(({ mark }) => mark !== undefined);
      if (added.length === 0) return bringers.length === 0 ? [] : ['a VM is left that brings disks to nobody'];
      const isAlone = bringers.length === 1 && bringers.every(({ files }) => files.length === 0);
      return holdsBackup(all, added) && isAlone ? [] : ['the disks are not whole, or are two VMs’'];
    },
  ],
];

test.each(GOALS)(
  'a restore as %s that dies or fails at any call, and is cleaned up by processes that do so too, is whole or undone',
  async (_what, goal, wrongIn) => {
    const whole = world();
    const { calls, error } = await whole.restores.process(restoring(goal));
    expect([error, wrongIn(whole)]).toEqual([undefined, []]);
    const ends = new Set<string>();

    for (let atCall = 1; atCall <= calls; atCall += 1) {
      for (const harm of HARMS) {
        for (let secondAt = 1; ; secondAt += 1) {
          const all = world();
          const { restores } = all;
          expect((await restores.process(restoring(goal), { atCall, ...harm })).wasHarmed).toBe(true);
          const second = await restores.process(cleanUp, { atCall: secondAt, ...harm });
          const last = second.wasHarmed ? await restores.process(cleanUp) : second;

          const moment = `${harm.how} ${harm.when} call ${atCall}, then call ${secondAt}`;
          expect([moment, restores.broken, wrongIn(all)]).toEqual([moment, [], []]);
          expect([moment, restores.vms.get(OTHER)?.files[0]]).toEqual([moment, '[ds1] web01/web01.vmdk']);
          const open = [...restores.site.journals.values()].filter(({ folder }) => folder === 'open');
          // Only one in place may wait for a person, who is told.
          const told = last.error === undefined ? 0 : 1;
          expect([moment, open.length]).toEqual([moment, told]);
          if (told > 0) expect([goal.kind, last.error]).toMatchObject(['in-place', { code: 'E_LEFTOVERS' }]);
          ends.add(restores.vms.size === 2 ? 'undone' : 'whole');
          if (!second.wasHarmed) break;
        }
      }
    }
    expect(ends).toEqual(new Set(['undone', 'whole']));
  },
);
