import { SnaphookError } from '../ports/errors.ts';
import type { MoRef, RunId } from '../ports/identity.ts';
import type { Lock } from '../ports/journal.ts';
import type { NewVm, OpenImport } from '../ports/vm-import.ts';
import { withinLimit } from './deadline.ts';
import { whileHeld } from './held-journal.ts';
import { jobLock } from './job-turn.ts';
import { RunJournal } from './journal.ts';
import { newRunId } from './names.ts';
import type { JobPorts } from './ports.ts';
import { interimNameOf, keptNameOf, type RestorePlan } from './restoration.ts';
import { backupIn, planRestore, type RestoreRequest, whyNotReplaced } from './restore-plan.ts';
import { cleanUpRun, closeRun, leftoversError } from './run-record.ts';
import { isRestored } from './run-state.ts';
import { undoRestore } from './undo-restore.ts';
import { whileVmsAreOurs } from './vm-locks.ts';

export interface RestoreResult {
  readonly runId: RunId;
  readonly plan: RestorePlan;
  readonly vm: MoRef;
  /** What the VM whose place was taken is called now. */
  readonly replacedAs: string | undefined;
}

const GIVE_UP_MS = 30_000;

/** Journals of restores are of a job of their own. No job in a configuration can have such a name. */
export const RESTORE_JOB_PREFIX = 'restore of ';

/**
 * Makes a VM of images, powered off. Everything is journaled before it is done, as in a run; what fails, or whose process dies, is
 * undone: here, by the next restore of the VM, or by `reap`. Errors: `E_RESTORE`, `E_VERIFY`, `E_LOCKED`, `E_VCENTER*`, `E_LEFTOVERS`.
 */
export async function restoreVm(ports: JobPorts, request: RestoreRequest, signal: AbortSignal): Promise<RestoreResult> {
  const { vm } = await backupIn(ports, request, signal);
  const job = `${RESTORE_JOB_PREFIX}${vm.name}`;
  const lock = await ports.locks.acquire(jobLock(job), 0, { signal });
  try {
    // A run that captures the VM would find another one under its identity.
    const taken = request.as === 'original' ? [vm] : [];
    return await whileVmsAreOurs(ports, taken, 0, AbortSignal.any([signal, lock.lost]), async (held) => {
      // What an earlier one left would be in the way, with the name of the VM too.
      for (const { runId } of await ports.journals.openRuns(job)) {
        await cleanUpRun(ports, runId, 'recovered', { lock, signal: held });
      }
      const plan = await planRestore(ports, request, held);
      // The VM whose place is taken is looked at again.
      if (!plan.replaces) await ports.hypervisor.close();
      return underLock(ports, plan, { job, lock }, held);
    });
  } finally {
    await ports.hypervisor.close();
    await lock.release();
  }
}

async function underLock(
  ports: JobPorts,
  plan: RestorePlan,
  { job, lock }: { readonly job: string; readonly lock: Lock },
  signal: AbortSignal,
): Promise<RestoreResult> {
  const { journals, clock, hypervisor, vmImport } = ports;
  const runId = newRunId(clock.now(), ports.randomText());
  const journal = await RunJournal.load(whileHeld(await journals.create({ runId, job }), lock), clock);
  try {
    await journal.opened({
      job,
      integration: 'command line',
      instance: undefined,
      productRunId: undefined,
      level: undefined,
    });
    const keys: string[] = [];
    for (const port of plan.replaces ? [vmImport, hypervisor] : [vmImport]) {
      const key = await port.sessionKey(signal);
      if (key === undefined) continue;
      await journal.append({ kind: 'login', data: { key } });
      keys.push(key);
    }
    await journal.append({ kind: 'restoring', data: plan });
    const vm = await importVm(ports, plan, { runId, journal }, signal);
    const replacedAs = await replace(ports, plan, { runId, journal, vm }, signal);
    await vmImport.close();
    await hypervisor.close();
    for (const key of keys) await journal.append({ kind: 'logout', data: { key } });
    await closeRun(ports, journal, runId, 'restored');
    return { runId, plan, vm, replacedAs };
  } catch (error) {
    throw await unwind(ports, journal, { runId, lock, error: signal.aborted ? signal.reason : error });
  }
}

/** Undoes what a restore did. Returns the error to throw. */
export async function unwind(
  ports: JobPorts,
  journal: RunJournal,
  { runId, lock, error }: { readonly runId: RunId; readonly lock: Lock; readonly error: unknown },
): Promise<unknown> {
  // Whoever took the lock over undoes it.
  if (lock.lost.aborted) return lock.lost.reason;
  try {
    await journal.failed(undefined, error);
    const errors = await undoRestore(ports, { runId, journal }, lock.lost);
    if (errors.length > 0) return leftoversError(runId, errors, error);
    // Of a VM that is whole only the end could not be written at first.
    await closeRun(ports, journal, runId, isRestored(journal.state) ? 'restored' : 'failed');
    return error;
  } catch (failed) {
    return leftoversError(runId, [failed], error);
  }
}

interface Work {
  readonly runId: RunId;
  readonly journal: RunJournal;
}

async function importVm(
  ports: JobPorts,
  plan: RestorePlan,
  { runId, journal }: Work,
  signal: AbortSignal,
): Promise<MoRef> {
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
  await journal.append({ kind: 'done', data: { step: 'import', result: { vm: opened.vm } } });
  return opened.vm;
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
  { runId, journal, vm }: Work & { readonly vm: MoRef },
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
