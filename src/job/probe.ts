import { SnaphookError } from '../ports/errors.ts';
import type { Lock } from '../ports/journal.ts';
import type { VvolAnswer } from '../ports/vvol-answers.ts';
import { checkArray, checkArrayLimits } from './array-limits.ts';
import { whileHeld } from './held-journal.ts';
import type { JobContext, JobSpec } from './job-spec.ts';
import { jobLock } from './job-turn.ts';
import { RunJournal } from './journal.ts';
import { layoutOf } from './layout.ts';
import { newRunId, snapshotName } from './names.ts';
import type { Plan } from './plan.ts';
import type { JobPorts } from './ports.ts';
import { cleanUpRun, closeRun, leftoversError } from './run-record.ts';
import { checkDevices, findDevices, sourcesOf } from './sources.ts';
import { type Run, runStep } from './step.ts';
import { captureStep } from './steps/capture.ts';
import { groupStep, needsGroup } from './steps/group.ts';
import { undoSteps } from './undo.ts';
import { mayHoldWritesBack } from './vm-notes.ts';
import { findVm } from './vms.ts';

/**
 * Asks an array once whether it takes a user snapshot of a vVol: one establish on one device of the VM, without any freeze and
 * removed at once. Journaled like a run, so that a crash is cleaned up like one. The answer is remembered for this release of the array
 * and this interface (`snapVxApi`).
 *
 * A refusal is an answer when it is one of the vVol (`E_ARRAY_VVOL`) and no snapshot showed up after it; anything else (licence, load,
 * missing rights, limits, lost answers, a storage group that is refused for another reason) is none, and is thrown.
 */
export async function probeVvol(
  ports: JobPorts,
  spec: JobSpec,
  context: JobContext,
  signal: AbortSignal,
): Promise<VvolAnswer> {
  const lock = await ports.locks.acquire(jobLock(spec.name), spec.limits.lockWaitMs, { signal });
  try {
    for (const { runId } of await ports.journals.openRuns(spec.name))
      await cleanUpRun(ports, runId, 'recovered', { lock });
    return await askOnce(ports, spec, context, { lock, signal: AbortSignal.any([signal, lock.lost]) });
  } finally {
    await lock.release();
  }
}

async function askOnce(
  ports: JobPorts,
  spec: JobSpec,
  context: JobContext,
  { lock, signal }: { readonly lock: Lock; readonly signal: AbortSignal },
): Promise<VvolAnswer> {
  const runId = newRunId(ports.clock.now(), ports.randomText());
  const { plan, array } = await planOf(ports, spec, { runId, context }, signal);
  const file = whileHeld(await ports.journals.create({ runId, job: spec.name }), lock);
  const journal = await RunJournal.load(file, ports.clock);
  await journal.opened(context);
  await journal.append({ kind: 'planned', data: plan });
  const run: Run = { plan, ports, array, journal, openGuests: new Map() };
  const { microcode, snapVxApi = 'device-list' } = plan.array;
  const answer = { array: array.id, microcode, snapVxApi, askedAt: ports.clock.now().toISOString() };
  const refusal = await snap(run, signal).then(
    () => undefined,
    (error: unknown) => error,
  );
  const errors = await undoSteps(run, { signal: lock.lost });
  if (errors.length > 0) throw leftoversError(runId, errors, refusal);
  await closeRun(ports, journal, runId, refusal === undefined ? 'probed' : 'nothing-done');
  if (refusal === undefined) return remember(ports, { ...answer, takesSnapVx: true, words: undefined });
  // Of an effect that is not known `capture` has looked for the snapshot until it could not appear any more, and found none.
  if (!(refusal instanceof SnaphookError && refusal.code === 'E_ARRAY_VVOL')) throw refusal;
  return remember(ports, { ...answer, takesSnapVx: false, words: refusal.message });
}

async function snap(run: Run, signal: AbortSignal): Promise<void> {
  if (needsGroup(run)) await runStep(run, groupStep, signal);
  await runStep(run, captureStep, signal);
}

async function remember({ vvolAnswers }: JobPorts, answer: VvolAnswer): Promise<VvolAnswer> {
  await vvolAnswers.remember(answer);
  return answer;
}

async function planOf(
  ports: JobPorts,
  spec: JobSpec,
  { runId, context }: Pick<Plan, 'runId' | 'context'>,
  signal: AbortSignal,
) {
  const [selector] = spec.vms;
  if (!selector) throw new TypeError('a probe names one VM');
  const vm = await findVm(ports.hypervisor, selector, signal);
  const disk = vm.disks.find(({ backing }) => backing.kind === 'vvol');
  if (!disk) {
    throw new SnaphookError('E_DISK_UNSUPPORTED', `VM "${vm.name}" has no vVol to ask the array with`, {
      hint: 'Name a VM with a disk on a vVol datastore of a configured array.',
    });
  }
  const devices = await findDevices(ports.arrays, spec.targetPool, [{ vm, disk }], signal);
  for (const note of checkDevices(devices, [{ vm, disk }])) ports.reporter.warn(note);
  const { array, facts } = devices.home;
  const sources = sourcesOf(devices, [{ vm, disk }]);
  // An array or a device that takes no snapshot for a reason of its own says nothing about vVols.
  checkArray(array, facts);
  for (const note of await checkArrayLimits(array, sources, spec, signal)) ports.reporter.warn(note);
  const plan: Plan = {
    runId,
    context,
    spec,
    arrayId: array.id,
    array: facts,
    snapshotName: snapshotName(runId, ports.installation.markOf(runId, array.id)),
    route: { name: 'snapvx', because: 'the array is asked whether it takes such snapshots of vVols' },
    managed: undefined,
    vms: [
      {
        instanceUuid: vm.instanceUuid,
        moRef: vm.moRef,
        name: vm.name,
        address: undefined,
        freeze: 'none',
        role: 'selected',
        selectedBy: [],
        changeTracking: vm.condition.changeTracking,
        notes: [],
        layout: layoutOf(vm),
        disks: [
          {
            key: disk.key,
            label: disk.label,
            capacityBytes: disk.capacityBytes,
            guestDiskUuid: disk.guestDiskUuid,
            storage: 'vvol',
            sharedByWriters: disk.sharedByWriters,
            mayHoldWritesBack: mayHoldWritesBack(disk),
            devices: sources.map(({ device }) => device.id),
          },
        ],
      },
    ],
    // Nothing is linked: a device stands for its own target, so that no target of a pool is reserved.
    devices: sources.map(({ device }) => ({
      device: device.id,
      wwn: device.effectiveWwn,
      holds: 'disk',
      datastore: undefined,
      target: device.id,
      targetWwn: device.effectiveWwn,
      presentNeeded: false,
      imagePath: '',
      imageBytes: 0,
    })),
    collateral: [],
    warnings: [],
  };
  return { plan, array };
}
