import type { Lab } from '../../lab/lab.ts';
import { runHookProgram } from './child.ts';
import { checkImages } from './database-images.ts';
import { readPreDocument } from './pre-document.ts';

const JOB = 'no-freeze';
/** A snapshot may fall between two transactions by chance; one that does not shows what a freeze is for. */
const MAX_TRIES = 5;

export interface NoFreezeResult {
  readonly tries: number;
  readonly grade: string;
  readonly reasons: readonly string[];
  /** A transaction was open in the copy: its journal has to be rolled back. */
  readonly hotJournal: boolean;
  readonly integrity: string;
}

/** The same job with `freeze: none`: one point in time, so the database recovers, but it has to. */
export async function backupWithoutFreeze(lab: Lab, showLog: boolean, signal: AbortSignal): Promise<NoFreezeResult> {
  const args = ['--config', lab.configFile, '--job', JOB];
  for (let tries = 1; ; tries += 1) {
    const pre = readPreDocument((await runHookProgram('pre-backup', args, showLog, signal)).document);
    const check = await checkImages(lab, pre.directory, pre.images);
    await runHookProgram('post-backup', args, showLog, signal);
    if (check.hotJournal || tries === MAX_TRIES) {
      const [vm] = pre.vms;
      return {
        tries,
        grade: vm?.grade ?? 'unknown',
        reasons: vm?.reasons ?? [],
        hotJournal: check.hotJournal,
        integrity: check.integrity,
      };
    }
  }
}
