import { SnaphookError, toErrorRecord } from '../ports/errors.ts';
import type { MadeVm } from '../ports/vm-import.ts';
import { withinLimit } from './deadline.ts';
import { DEFAULT_LIMITS } from './job-spec.ts';
import { isRestored, type RunJournal } from './journal.ts';
import type { JobPorts } from './ports.ts';
import { interimNameOf, keptNameOf, type RestorePlan } from './restoration.ts';

/** vCenter lets go of an import that nobody keeps alive after five minutes. */
const UNDO_MS = 10 * 60_000;

interface Undo {
  readonly ports: JobPorts;
  readonly plan: RestorePlan;
  readonly runId: string;
  readonly journal: RunJournal;
}

/**
 * Undoes what a restore did, newest first; a restore that came to its end is left as it is, and a journal that is of none undoes
 * nothing. What is changed is proven twice: by the id or the name that the journal has, and by the mark that the VM itself bears.
 * Returns the errors.
 */
export async function undoRestore(
  ports: JobPorts,
  { runId, journal }: { readonly runId: string; readonly journal: RunJournal },
  parent: AbortSignal,
): Promise<readonly unknown[]> {
  const { state } = journal;
  const { restore: plan, steps } = state;
  if (!plan || isRestored(state)) return [];
  const undo: Undo = { ports, plan, runId, journal };
  const errors: unknown[] = [];
  try {
    for (const [step, work] of [['replace', giveBack] as const, ['import', removeMade] as const]) {
      if (steps[step].at === 'untouched' || steps[step].at === 'undone') continue;
      const message = `undoing step "${step}" of restore "${runId}" took longer than ${UNDO_MS} ms`;
      const hint = 'Run `snaphook reap --apply` when vCenter can be reached again.';
      try {
        await journal.append({ kind: 'undoing', data: { step } });
        await withinLimit(ports.clock, { durationMs: UNDO_MS, code: 'E_LEFTOVERS', message, hint }, parent, (signal) =>
          work(undo, signal),
        );
        await journal.append({ kind: 'undone', data: { step } });
      } catch (error) {
        errors.push(error);
        await journal
          .append({ kind: 'undo-failed', data: { step, error: toErrorRecord(error) } })
          .catch((failed: unknown) => errors.push(failed));
        // The VM that took the place must not be removed while the other one is not back.
        break;
      }
    }
  } finally {
    await ports.vmImport.close();
  }
  return errors;
}

/** Name and identity go back to the VM that had them. */
async function giveBack({ ports, plan, runId, journal }: Undo, signal: AbortSignal): Promise<void> {
  const { replaces } = plan;
  const { vmImport, reporter } = ports;
  const begun = journal.state.begunImport;
  if (!replaces || !begun) return;
  const made = await vmImport.vm(begun.vm, signal);
  if (made?.mark === runId && made.name === replaces.name) {
    await vmImport.identify(made.moRef, { name: interimNameOf(plan, runId), instanceUuid: 'new' }, signal);
  }
  const replaced = await vmImport.vm(replaces.moRef, signal);
  if (replaced?.name === keptNameOf(replaces, runId)) {
    const { name, instanceUuid } = replaces;
    await vmImport.identify(replaces.moRef, { name, instanceUuid }, signal);
  } else if (replaced?.name !== replaces.name) {
    reporter.warn('the VM that was to be replaced is not as the restore left it, and is left alone', {
      vm: replaces.moRef,
      name: replaced?.name,
    });
  }
}

async function removeMade(undo: Undo, signal: AbortSignal): Promise<void> {
  const { ports, plan, journal } = undo;
  const { vmImport } = ports;
  const begun = journal.state.begunImport;
  if (begun) await vmImport.abort(begun.lease, signal);
  // A request without an answer may still be under way.
  else await ports.clock.sleep(DEFAULT_LIMITS.settleMs, signal);
  const made = begun ? await vmImport.vm(begun.vm, signal) : await findMade(undo, signal);
  if (!made) return;
  if (made.mark !== undo.runId) {
    ports.reporter.warn('a VM has the place of the restored one but not its mark, and is left alone', {
      vm: made.name,
    });
    return;
  }
  if (!made.poweredOff) {
    throw new SnaphookError('E_LEFTOVERS', `VM "${made.name}", which restore "${undo.runId}" did not complete, runs`, {
      hint: `Its disks are not complete. Power it off, then run \`snaphook reap --apply\`.`,
    });
  }
  await vmImport.destroy(made.moRef, signal);
  ports.reporter.info('an incomplete VM was removed', { vm: made.name, of: plan.of.name });
}

/** Of an import whose id was never written down: by name and folder. */
async function findMade({ ports, plan, runId }: Undo, signal: AbortSignal): Promise<MadeVm | undefined> {
  const name = interimNameOf(plan, runId);
  const there = await ports.vmImport.vmsIn(plan.place.folder, signal);
  return there.find((vm) => vm.name === name && vm.mark === runId);
}
