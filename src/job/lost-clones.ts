import { type RunId, runId } from '../ports/identity.ts';
import type { ReapedFinding } from './finding.ts';
import { parseSnapshotName } from './names.ts';
import type { JobPorts } from './ports.ts';

const PREFIX = 'snaphook run ';
const NOTES = /^snaphook run ([0-9a-z]{8,9}-[0-9a-z]{6}); clone of "/;

/** The notes of a VM that vCenter copied for the run: for people, and for `reap` when the journal is lost. */
export const notesOfClone = (run: RunId, original: string): string =>
  `${PREFIX}${run}; clone of "${original}", removed by \`snaphook clone delete ${run} --apply\``;

/**
 * VMs that a run copied and that no open run here has: its journal is lost, or somebody copied a clone. Told, never touched. One whose
 * mark was taken away is kept on purpose, whatever its notes say.
 */
export async function lostClones(
  { vmSnapshots: vcenter }: Pick<JobPorts, 'vmSnapshots'>,
  open: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<readonly ReapedFinding[]> {
  if (!vcenter) return [];
  try {
    const told: ReapedFinding[] = [];
    for (const { moRef: vm, name, notes } of await vcenter.vmsWithNotes({ prefix: PREFIX }, signal)) {
      const [, run] = NOTES.exec(notes) ?? [];
      if (run === undefined || open.has(run)) continue;
      const mark = (await vcenter.vm(vm, signal))?.mark;
      if (mark === undefined || parseSnapshotName(mark)?.run !== runId(run)) continue;
      told.push({
        finding: { kind: 'lost-clone', runId: run, vm, name },
        did: 'kept',
        because: 'its notes and its mark name a run that is not open here; whether somebody needs it is not known',
      });
    }
    return told;
  } finally {
    await vcenter.close();
  }
}
