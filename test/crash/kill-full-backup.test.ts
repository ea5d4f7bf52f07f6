import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { withFullBackups } from '../lab/lab-config.ts';
import {
  type Aftermath,
  comesNext,
  killPostHookEverywhere,
  killPreHookEverywhere,
  recoverAndCheck,
  SUCCESS,
  site,
  useLab,
} from './kill-loop.ts';

/** Beside the hooks of a copy: every other kill point of these programs is in their suites. */
const SPARSE = 2;

/** What the journal of the last run holds, as whoever comes next may read it. */
interface Told {
  readonly handedOver: boolean;
  readonly success: boolean;
  /** What was captured is a backup of the application. */
  readonly isGood: boolean;
}

function told(): Told {
  const folder = path.join(site().lab.directory, 'state', 'runs');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.jsonl'));
  const newest = files.sort((one, other) => path.basename(one).localeCompare(path.basename(other))).at(-1);
  const lines = newest === undefined ? [] : readFileSync(path.join(folder, newest), 'utf8').split('\n');
  const records = lines.flatMap(whole);
  return {
    handedOver: records.some(({ kind }) => kind === 'handed-over'),
    success: records.some(({ kind, data }) => kind === 'backup-ended' && data.result === 'success'),
    isGood: records.some(({ kind, data }) => kind === 'parking' && data.guests?.every(({ isGood }) => isGood)),
  };
}

interface Line {
  readonly kind: string;
  readonly data: { readonly result?: string; readonly guests?: readonly { readonly isGood: boolean }[] };
}

/** A line that was torn is none. */
function whole(line: string): readonly Line[] {
  try {
    return [JSON.parse(line)];
  } catch {
    return [];
  }
}

/** `mayDrop`: by what was in the journal when the hook died. */
function dropsLogsOnlyWhen(recovery: Parameters<typeof comesNext>[0], mayDrop: (told: Told) => boolean): Aftermath {
  let seq = 0;
  const ends = () =>
    site()
      .lab.events.since(seq)
      .filter(({ kind, operation }) => kind === 'effect' && operation === 'BackupComplete');
  const after = comesNext(recovery);
  const forget = () => {
    seq = site().lab.events.events.at(-1)?.seq ?? 0;
  };
  return {
    async killed(point) {
      const may = mayDrop(told());
      await recoverAndCheck(point, recovery);
      const dropped = ends().map(({ detail }) => detail.logsTruncated);
      expect([point, dropped.length < 2 ? 'ended once' : 'ended twice', dropped.includes(true)]).toEqual([
        point,
        'ended once',
        may,
      ]);
      forget();
    },
    async through() {
      await after.through();
      forget();
    },
  };
}

describe('kill -9 of the pre hook of a full backup, then a post hook that is told of success: a log is dropped for what was handed over alone', () => {
  useLab('presented', { configure: withFullBackups('presented') });
  killPreHookEverywhere(
    dropsLogsOnlyWhen('post of success', ({ handedOver, isGood }) => handedOver && isGood),
    SPARSE,
  );
});

describe('kill -9 of the post hook that is told of success, then one that is told nothing: a log is dropped when the first wrote it down', () => {
  useLab('presented', { configure: withFullBackups('presented') });
  killPostHookEverywhere(
    dropsLogsOnlyWhen('post', ({ success, isGood }) => success && isGood),
    SUCCESS,
    SPARSE,
  );
});
