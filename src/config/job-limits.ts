import * as z from 'zod';
import { seconds } from './values.ts';

export const limits = z
  .strictObject({
    deadlineSeconds: seconds.optional().describe('pre and post end by themselves within this, undoing included (230)'),
    freezeSeconds: seconds.optional().describe('from the freeze request to frozen (60)'),
    establishSeconds: seconds
      .optional()
      .describe(
        'from the establish request to its answer (2 s less than guests hold, but at least 8; freezeSeconds where none holds)',
      ),
    thawSeconds: seconds.optional().describe('how long a thaw is tried (30)'),
    settleSeconds: seconds.optional().describe('how long an unanswered request may still take effect (15)'),
    unlinkSeconds: seconds.optional().describe('wait for targets to be defined before an unlink is forced (60)'),
    devicesSeconds: seconds.optional().describe('until the proxy sees the targets (60)'),
    undoSeconds: seconds.optional().describe('for undoing one step (180)'),
    lockWaitSeconds: z
      .number()
      .nonnegative()
      .optional()
      .describe('wait for another run of the same VM, or of the same job with onOpenRun fail (10)'),
    joinSeconds: seconds
      .optional()
      .describe('after the hand-over: further calls of the same run of the backup product may join it (3600)'),
    heartbeatSeconds: seconds.max(240).optional().describe('a hook says at least this often that it still works (30)'),
  })
  .describe('Times in seconds; the defaults fit most sites');
