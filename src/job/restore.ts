import { SnaphookError } from '../ports/errors.ts';
import type { MoRef, RunId } from '../ports/identity.ts';
import type { NewVm, OpenImport } from '../ports/vm-import.ts';
import { withinLimit } from './deadline.ts';
import { jobLock } from './job-turn.ts';
import type { JobPorts } from './ports.ts';
import { type ExistingVm, interimNameOf, keptNameOf, type RestorePlan } from './restoration.ts';
import { attachDisks, diskFilesOf } from './restore-into.ts';
import { backupIn, planRestore, type RestoreRequest, whyNotReplaced } from './restore-plan.ts';
import { journaled, type RestoreRun, restoreJobOf, undoEarlierRestores } from './restore-run.ts';
import type { ImportResult } from './results.ts';
import { closeRun } from './run-record.ts';
import { whileVmsAreOurs } from './vm-locks.ts';

export interface RestoreResult {
  readonly runId: RunId;
  readonly plan: RestorePlan;
  readonly vm: MoRef;
  /** Of that VM. */
  readonly name: string;
  /** What the VM whose place was taken is called now. */
  readonly replacedAs: string | undefined;
}

const GIVE_UP_MS = 30_000;

/**
 * Makes a VM of images, powered off; with `into`, one that brings its disks to another. Everything is journaled before it is done, as in a
 * run; what fails, or whose process dies, is undone: here, by the next restore of the VM, or by `reap`. Errors: `E_RESTORE`, `E_VERIFY`,
 * `E_LOCKED`, `E_VM_CHANGED`, `E_VCENTER*`, `E_LEFTOVERS`.
 */
export async function restoreVm(ports: JobPorts, request: RestoreRequest, signal: AbortSignal): Promise<RestoreResult> {
  const { vm } = await backupIn(ports, request, signal);
  const job = restoreJobOf(vm.name);
  const lock = await ports.locks.acquire(jobLock(job), 0, { signal });
  const turn = { job, lock };
  try {
    // A run that captures the VM would find another one under its identity.
    const taken = request.goal.kind === 'in-place' ? [vm] : [];
    return await whileVmsAreOurs(ports, taken, 0, AbortSignal.any([signal, lock.lost]), async (held) => {
      await undoEarlierRestores(ports, turn, held);
      const plan = await planRestore(ports, request, held);
      // The VM that is changed is looked at again.
      if (!changedVm(plan)) await ports.hypervisor.close();
      return journaled(ports, turn, held, (run) => restorePlanned(ports, plan, run, held));
    });
  } finally {
    await ports.hypervisor.close();
    await lock.release();
  }
}

const changedVm = ({ replaces, into }: RestorePlan): ExistingVm | undefined => replaces ?? into;

async function restorePlanned(
  ports: JobPorts,
  plan: RestorePlan,
  run: RestoreRun,
  signal: AbortSignal,
): Promise<RestoreResult> {
  const { hypervisor, vmImport } = ports;
  const { runId, journal } = run;
  const keys: string[] = [];
  for (const port of changedVm(plan) ? [vmImport, hypervisor] : [vmImport]) {
    const key = await port.sessionKey(signal);
    if (key === undefined) continue;
    await journal.append({ kind: 'login', data: { key } });
    keys.push(key);
  }
  await journal.append({ kind: 'restoring', data: plan });
  const { vm, files } = await importVm(ports, plan, run, signal);
  const replacedAs = await replace(ports, plan, { ...run, vm }, signal);
  if (plan.into) await attachDisks(ports, plan.into, { ...run, made: vm, files }, signal);
  await vmImport.close();
  await hypervisor.close();
  for (const key of keys) await journal.append({ kind: 'logout', data: { key } });
  await closeRun(ports, journal, runId, 'restored');
  return { runId, plan, vm, name: plan.into ? interimNameOf(plan, runId) : plan.vm.name, replacedAs };
}

async function importVm(
  ports: JobPorts,
  plan: RestorePlan,
  { runId, journal }: RestoreRun,
  signal: AbortSignal,
): Promise<ImportResult> {
  const { vmImport, imageSource, reporter } = ports;
  const { of, backup, disks, directory } = plan;
  const vm: NewVm = {
    ...plan.vm,
    name: interimNameOf(plan, runId),
    mark: runId,
    annotation: `Restored by snaphook (${runId}) from the backup of "${of.name}" of ${backup.createdAt}, snapshot ${backup.snapshot}.`,
  };
  await journal.append({ kind: 'intent', data: { step: 'import' } });
  const opened = await vmImport.begin(vm, plan.place, signal);
  try {
    await journal.append({ kind: 'importing', data: { lease: opened.lease, vm: opened.vm } });
    // Nothing has been sent yet when the right for this is missing.
    if (plan.nvram) await opened.writeNvram(await imageSource.readBeside(directory, plan.nvram, signal), signal);
    const totalBytes = disks.reduce((sum, { image }) => sum + image.sizeBytes, 0);
    let doneBytes = 0;
    for (const { key, label, image } of disks) {
      reporter.info('restoring a disk', { disk: label, bytes: image.sizeBytes });
      const progress = (readBytes: number) => {
        const percent = ((doneBytes + readBytes) * 100) / totalBytes;
        opened.report(percent);
        reporter.progress('restoring', { percent: Math.floor(percent) });
      };
      await opened.upload(key, imageSource.streamVmdk(directory, image, progress, signal), signal);
      doneBytes += image.sizeBytes;
    }
    signal.throwIfAborted();
    // While everything can be undone.
    await stillReplaceable(ports, plan, signal);
    await journal.append({ kind: 'completing', data: { lease: opened.lease } });
  } catch (error) {
    await giveUp(ports, opened);
    throw error;
  }
  // An import that is to be completed is ended by the undo alone, which asks whether it was complete.
  await opened.complete(signal);
  const result: ImportResult = {
    vm: opened.vm,
    files: plan.into ? await diskFilesOf(vmImport, opened.vm, signal) : [],
  };
  await journal.append({ kind: 'done', data: { step: 'import', result } });
  return result;
}

/** vCenter then removes what is there of the VM. Whether it did, the undo looks. */
async function giveUp({ clock, reporter }: JobPorts, opened: OpenImport): Promise<void> {
  const message = `vCenter did not end an import within ${GIVE_UP_MS} ms`;
  const limit = { durationMs: GIVE_UP_MS, code: 'E_DEADLINE', message } as const;
  await withinLimit(clock, limit, undefined, (limited) => opened.abort(limited)).catch((error: unknown) => {
    reporter.warn('an import is left to its end', { error: String(error) });
  });
}

/** The VM that is there steps aside under another name and identity, and the restored one takes both. */
async function replace(
  ports: JobPorts,
  plan: RestorePlan,
  { runId, journal, vm }: RestoreRun & { readonly vm: MoRef },
  signal: AbortSignal,
): Promise<string | undefined> {
  const { vmImport } = ports;
  const { replaces, vm: restored } = plan;
  if (!replaces) return undefined;
  const keptAs = keptNameOf(replaces, runId);
  await journal.append({ kind: 'intent', data: { step: 'replace' } });
  await stillReplaceable(ports, plan, signal);
  await vmImport.identify(replaces.moRef, { name: keptAs, instanceUuid: 'new' }, signal);
  await vmImport.identify(vm, { name: restored.name, instanceUuid: replaces.instanceUuid }, signal);
  await journal.append({ kind: 'done', data: { step: 'replace', result: { keptAs } } });
  return keptAs;
}

/** Hours may have passed since the plan. Errors: `E_VM_CHANGED`. */
async function stillReplaceable(
  { hypervisor }: JobPorts,
  { replaces }: RestorePlan,
  signal: AbortSignal,
): Promise<void> {
  if (!replaces) return;
  const [found = []] = await hypervisor.findVms([{ by: 'instanceUuid', uuid: replaces.instanceUuid }], signal);
  const vm = found.find(({ moRef, name }) => moRef === replaces.moRef && name === replaces.name);
  const why = vm ? whyNotReplaced(vm) : 'was renamed, removed or given another identity';
  if (why === undefined) return;
  throw new SnaphookError('E_VM_CHANGED', `VM "${replaces.name}" ${why} since the restore began`, {
    hint: 'It keeps its place. See who works with it, then run again, or restore as a new VM with `--as`.',
  });
}
