import { SnaphookError, toErrorRecord } from '../ports/errors.ts';
import type { MadeVm } from '../ports/vm-import.ts';
import { withinLimit } from './deadline.ts';
import { undoFilesRestore } from './files-restore-undo.ts';
import { DEFAULT_LIMITS } from './job-spec.ts';
import type { RunJournal } from './journal.ts';
import type { JobPorts } from './ports.ts';
import { interimNameOf, keptNameOf, type RestorePlan } from './restoration.ts';
import { endAttach, mayGo } from './restore-into.ts';
import { isRestored } from './run-state.ts';
import { importResultOf } from './step-results.ts';

/** vCenter lets go of an import that nobody keeps alive after five minutes. */
const UNDO_MS = 10 * 60_000;

interface Undo {
  readonly ports: JobPorts;
  readonly plan: RestorePlan;
  readonly runId: string;
  readonly journal: RunJournal;
}

/** What a step came to that proves to be complete: it is not undone, but brought to its end. */
type Complete = { readonly result: unknown } | undefined;

/**
 * Undoes what a restore did, newest first; a restore that came to its end is left as it is, and a journal that is of none undoes
 * nothing. A VM that is complete is never removed: nobody knows who has used it since, or whether another copy is left; one that only brings disks to another VM is, as long as no VM has them. What is changed is proven twice: by the id or the name that the journal has, and by the mark that the VM itself bears.
 * Returns the errors.
 */
export async function undoRestore(
  ports: JobPorts,
  { runId, journal }: { readonly runId: string; readonly journal: RunJournal },
  parent: AbortSignal,
): Promise<readonly unknown[]> {
  const { state } = journal;
  const { restore: plan, steps } = state;
  if (state.filesRestore) return undoFilesRestore(ports, { runId, journal, restore: state.filesRestore }, parent);
  if (!plan || isRestored(state)) return [];
  const undo: Undo = { ports, plan, runId, journal };
  const errors: unknown[] = [];
  try {
    for (const [step, work] of UNDOING) {
      if (steps[step].at === 'untouched' || steps[step].at === 'undone') continue;
      const message = `undoing step "${step}" of restore "${runId}" took longer than ${UNDO_MS} ms`;
      const hint = 'Run `snaphook reap --apply` when vCenter can be reached again.';
      try {
        await journal.append({ kind: 'undoing', data: { step } });
        const complete = await withinLimit(
          ports.clock,
          { durationMs: UNDO_MS, code: 'E_LEFTOVERS', message, hint },
          parent,
          (signal) => work(undo, signal),
        );
        if (complete) {
          await journal.append({ kind: 'done', data: { step, result: complete.result } });
          break;
        }
        await journal.append({ kind: 'undone', data: { step } });
      } catch (error) {
        errors.push(error);
        await journal
          .append({ kind: 'undo-failed', data: { step, error: toErrorRecord(error) } })
          .catch((failed: unknown) => errors.push(failed));
        // The VM that took the place must not be removed while the other one is not back, nor one whose disks another may have.
        break;
      }
    }
  } finally {
    await ports.vmImport.close();
  }
  return errors;
}

async function endOrForgetAttach({ ports, plan, runId, journal }: Undo, signal: AbortSignal): Promise<Complete> {
  const imported = importResultOf(journal.state);
  if (!imported || !plan.into) return undefined;
  const made = await ports.vmImport.vm(imported.vm, signal);
  if (made) requireSettings(made);
  if (made?.mark !== runId) return undefined;
  const brought = { made: imported.vm, files: imported.files };
  const complete = { result: { into: plan.into.moRef } };
  if (await endAttach(ports, plan.into, brought, signal)) return complete;
  // A request without an answer may still be under way.
  await ports.clock.sleep(DEFAULT_LIMITS.settleMs, signal);
  return (await endAttach(ports, plan.into, brought, signal)) ? complete : undefined;
}

/** Name and identity go back to the VM that had them, unless the restored one has them by now. */
async function giveBack({ ports, plan, runId, journal }: Undo, signal: AbortSignal): Promise<Complete> {
  const { replaces } = plan;
  const { vmImport, reporter } = ports;
  const begun = journal.state.begunImport;
  if (!replaces || !begun) return undefined;
  const { name, instanceUuid } = replaces;
  const keptAs = keptNameOf(replaces, runId);
  const made = await vmImport.vm(begun.vm, signal);
  if (made) requireSettings(made);
  if (made?.name === name && made.instanceUuid === instanceUuid) {
    reporter.info('the restored VM has the place of the other one, and stays', { vm: name });
    return { result: { keptAs } };
  }
  const replaced = await vmImport.vm(replaces.moRef, signal);
  if (replaced?.name === keptAs) {
    await vmImport.identify(replaces.moRef, { name, instanceUuid }, signal);
  } else if (replaced?.name !== name && made?.name === interimNameOf(plan, runId)) {
    throw new SnaphookError(
      'E_LEFTOVERS',
      `VM "${name}" (${replaces.moRef}), whose place was to be taken, is ${replaced ? `called "${replaced.name}" now` : 'gone'}`,
      { hint: waysOut(made) },
    );
  }
  return undefined;
}

async function removeMade(undo: Undo, signal: AbortSignal): Promise<Complete> {
  const { ports, plan, runId, journal } = undo;
  const { vmImport, clock, reporter } = ports;
  const { begunImport: begun } = journal.state;
  const isComplete = await wasCompleted(undo, signal);
  // A request without an answer may still be under way.
  if (!begun) await clock.sleep(DEFAULT_LIMITS.settleMs, signal);
  const made = begun ? await vmImport.vm(begun.vm, signal) : await findMade(undo, signal);
  if (!made) return undefined;
  requireSettings(made);
  if (made.mark !== runId) {
    reporter.warn('a VM has the place of the restored one but not its mark, and is left alone', { vm: made.name });
    return undefined;
  }
  if (isComplete && !plan.into) return keepMade(undo, made);
  if (isComplete && made.name !== interimNameOf(plan, runId)) return leaveRenamed(undo, made);
  if (plan.into && !(await mayGo(ports, made.moRef, made.name, signal))) return undefined;
  if (!made.poweredOff) {
    throw new SnaphookError(
      'E_LEFTOVERS',
      `VM "${made.name}", which restore "${runId}" did not bring to its end, runs`,
      {
        hint: `${isComplete ? 'It only brings disks to another VM.' : 'Its disks are not complete.'} Power it off, then run \`snaphook reap --apply\`, which removes it.`,
      },
    );
  }
  await vmImport.destroy(made.moRef, signal);
  reporter.info(isComplete ? 'a VM that brought disks was removed with them' : 'an incomplete VM was removed', {
    vm: made.name,
    of: plan.of.name,
  });
  return undefined;
}

/** Ends the import where it was not seen to end. One that is over, and was to be completed, was: otherwise vCenter removes its VM. */
async function wasCompleted({ ports, journal }: Undo, signal: AbortSignal): Promise<boolean> {
  const { begunImport: begun, completing, steps } = journal.state;
  if (steps.import.at === 'done') return true;
  if (!begun) return false;
  const end = await ports.vmImport.abort(begun.lease, signal);
  if (!completing) return false;
  if (end === 'aborted') {
    await journal.append({ kind: 'aborted', data: { lease: begun.lease } });
    return false;
  }
  // vCenter may be removing the VM of a lease that has just run out.
  await ports.clock.sleep(DEFAULT_LIMITS.settleMs, signal);
  return true;
}

/** A complete VM that was not to take a place is what was asked for; one that did not take its place is left to a person. */
function keepMade(undo: Undo, made: MadeVm): Complete {
  const { ports, plan, runId } = undo;
  const { reporter } = ports;
  const { replaces } = plan;
  if (!replaces) {
    reporter.info('the restored VM is complete, and stays', { vm: made.name });
    return { result: { vm: made.moRef } };
  }
  if (made.name !== interimNameOf(plan, runId)) return leaveRenamed(undo, made);
  throw new SnaphookError(
    'E_LEFTOVERS',
    `VM "${made.name}" is complete and stays, but has not taken the place of "${replaces.name}"`,
    { hint: waysOut(made) },
  );
}

function leaveRenamed({ ports: { reporter } }: Undo, made: MadeVm): undefined {
  reporter.warn('somebody has renamed the restored VM: it stays', { vm: made.name });
}

const waysOut = ({ name }: MadeVm): string =>
  `Remove "${name}" in vCenter, or rename it to keep it; then run \`snaphook reap --apply\`.`;

/** Newest first. */
const UNDOING = [
  ['replace', giveBack],
  ['attach', endOrForgetAttach],
  ['import', removeMade],
] as const;

function requireSettings({ name, settingsShown }: MadeVm): void {
  if (settingsShown) return;
  throw new SnaphookError('E_LEFTOVERS', `vCenter does not show whose VM "${name}" is: it has no configuration of it`, {
    hint: 'See in vCenter why it is not accessible, such as its host or datastore. Then run `snaphook reap --apply`.',
  });
}

/** Of an import whose id was never written down: by name and folder. */
async function findMade({ ports, plan, runId }: Undo, signal: AbortSignal): Promise<MadeVm | undefined> {
  const name = interimNameOf(plan, runId);
  const there = await ports.vmImport.vmsIn(plan.place.folder, signal);
  return there.find((vm) => vm.name === name && (vm.mark === runId || !vm.settingsShown));
}
