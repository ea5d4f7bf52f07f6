import { toErrorRecord } from '../ports/errors.ts';
import { withinLimit } from './deadline.ts';
import type { RunJournal } from './journal.ts';
import type { JobPorts } from './ports.ts';
import type { FilesRestore } from './restoration.ts';

const UNDO_MS = 10 * 60_000;

/** Ends a restore of files that did not come to its end: what it mounted, and the folder it worked in. Returns the errors. */
export async function undoFilesRestore(
  ports: JobPorts,
  { runId, journal, restore }: { readonly runId: string; readonly journal: RunJournal; readonly restore: FilesRestore },
  parent: AbortSignal,
): Promise<readonly unknown[]> {
  const { at } = journal.state.steps.files;
  // Refused: the folder was not to be had, and is somebody else's.
  if (at !== 'intended') return [];
  const message = `undoing restore "${runId}" took longer than ${UNDO_MS} ms`;
  const limit = { durationMs: UNDO_MS, code: 'E_LEFTOVERS', message } as const;
  try {
    await journal.append({ kind: 'undoing', data: { step: 'files' } });
    await withinLimit(ports.clock, limit, parent, (signal) => leaveWorkFolder(ports, restore, signal));
    await journal.append({ kind: 'undone', data: { step: 'files' } });
    return [];
  } catch (error) {
    const record = { kind: 'undo-failed', data: { step: 'files', error: toErrorRecord(error) } } as const;
    const unwritten = await journal.append(record).then(
      () => [],
      (failed: unknown) => [failed],
    );
    return [error, ...unwritten];
  }
}

/** Unmounts, verified, and removes the folder. A mount that is somebody else's in it is left alone, and is an error. */
export async function leaveWorkFolder(
  { fileSystems, fileTrees }: JobPorts,
  { workFolder, disks }: FilesRestore,
  signal: AbortSignal,
): Promise<void> {
  await fileSystems.release(
    workFolder,
    disks.map(({ file, folder }) => ({ folder, devicePaths: [`${workFolder}/${file}`] })),
    signal,
  );
  await fileTrees.removeWorkFolder(workFolder);
}
