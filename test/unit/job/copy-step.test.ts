import type { Run } from '../../../src/job/step.ts';
import { copyStep } from '../../../src/job/steps/copy.ts';
import { moRef } from '../../../src/ports/identity.ts';
import type { VmCopy } from '../../../src/ports/vm-snapshots.ts';
import { failure } from '../../failure.ts';

const signal = new AbortController().signal;
const MARK = 'snaphook-mb3k2j1f-x8q2zk-aaaaaa';
const OWN: VmCopy = { moRef: moRef('vm-9'), name: 'copy', poweredOff: true, mark: MARK };

/** Undoes the copy of a run that recorded that id, or died before; tells what was destroyed. */
async function undone(vms: readonly VmCopy[], recorded: VmCopy['moRef'] | undefined): Promise<readonly string[]> {
  const destroyed: string[] = [];
  const vmSnapshots = {
    sessionKey: async () => undefined,
    close: async () => undefined,
    whenIdle: async () => undefined,
    vm: async (vm: string) => vms.find((one) => one.moRef === vm),
    vmIn: async ({ folder, name }: { readonly folder: string; readonly name: string }) =>
      folder === 'group-v1' ? vms.find((one) => one.name === name) : undefined,
    destroy: async (vm: string) => void destroyed.push(vm),
  };
  const copy = recorded ? { at: 'done', result: { vm: recorded, name: 'copy' } } : { at: 'intended' };
  const run = {
    plan: {
      snapshotName: MARK,
      vms: [{ moRef: moRef('vm-1'), name: 'sql01' }],
      clone: { by: 'vcenter', folder: moRef('group-v1'), name: 'copy' },
    },
    ports: { vmSnapshots, reporter: { warn: () => undefined } },
    journal: { state: { steps: { copy } } },
  };
  await copyStep.undo(run as unknown as Run, signal); // of a run, what undoing a copy reads
  return destroyed;
}

const RENAMED = { ...OWN, name: 'renamed' };
const FOREIGN = { ...OWN, mark: undefined };
const OF_ANOTHER_RUN = { ...OWN, mark: 'snaphook-mb3k2j1f-other1-aaaaaa' };
const COPY_OF_THE_COPY = { ...OWN, moRef: moRef('vm-10'), name: 'copy of copy' };

test.each<[string, readonly VmCopy[], VmCopy['moRef'] | undefined, readonly string[]]>([
  ['it recorded', [OWN], OWN.moRef, ['vm-9']],
  ['it recorded, whatever its name is by now, and no copy of it', [RENAMED, COPY_OF_THE_COPY], OWN.moRef, ['vm-9']],
  ['of its planned name, when it died before it knew more', [COPY_OF_THE_COPY, OWN], undefined, ['vm-9']],
  ['of no other name then', [RENAMED], undefined, []],
  ['of its name only with its mark', [FOREIGN], undefined, []],
  ['with no mark of another run', [OF_ANOTHER_RUN], undefined, []],
  ['it recorded only while that has its mark', [FOREIGN], OWN.moRef, []],
  ['that is still there', [], OWN.moRef, []],
])('an undo destroys the VM %s', async (_, vms, recorded, destroyed) => {
  expect(await undone(vms, recorded)).toEqual(destroyed);
});

test('a copy that is not powered off is destroyed by no undo', async () => {
  const running = { ...OWN, poweredOff: false };
  expect((await failure(undone([running], OWN.moRef))).code).toBe('E_CLONE_IN_USE');
  expect((await failure(undone([running], undefined))).code).toBe('E_CLONE_IN_USE');
});
