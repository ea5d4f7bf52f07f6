import * as z from 'zod';
import { scriptSettings } from './script-settings.ts';

/** The VSS helper in the guest refuses longer ones. */
const MAX_HOLD_SECONDS = { auto: 55, commit: 9, precommit: 55 };

/** How VSS freezes a Windows guest, whatever the way into it. `withinHold` belongs to them. */
export const vssSettings = {
  helperPath: z.string().default('C:\\Program Files\\snaphook\\snaphook-vss.exe'),
  backupType: z
    .enum(['copy', 'full'])
    .default('copy')
    .describe(
      'full: applications may drop logs once the post hook hears that the backup has succeeded: docs/vss-backups.md',
    ),
  hold: z
    .enum(['auto', 'commit', 'precommit'])
    .default('auto')
    .describe(
      'what stands still while the array works: all writes, for 9 s at most (commit), or applications alone, for longer (precommit); auto: commit unless the array was measured to be too slow',
    ),
  holdSeconds: z
    .number()
    .positive()
    .max(MAX_HOLD_SECONDS.precommit)
    .optional()
    .describe(
      'the guest goes on after this, whatever happens: 9 (at most) for commit; 18 for precommit, at most 55, and 18 with Exchange',
    ),
  requiredWriters: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe(
      'names of VSS writers that must take part and succeed, * ends a name; default: all that have something on the captured disks',
    ),
  excludedWriters: z.array(z.guid()).default([]).describe('class ids of VSS writers that are left out'),
  ...scriptSettings,
};

/** A hold that is too long for its kind would be refused by the guest. */
export const withinHold = ({
  hold,
  holdSeconds = 0,
}: {
  hold: 'auto' | 'commit' | 'precommit';
  holdSeconds?: number | undefined;
}): boolean => holdSeconds <= MAX_HOLD_SECONDS[hold];
export const HOLD_TOO_LONG = {
  error: `is ${MAX_HOLD_SECONDS.commit} at most with hold: commit`,
  path: ['holdSeconds'],
};
