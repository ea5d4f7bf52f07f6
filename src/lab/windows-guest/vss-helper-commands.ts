import * as z from 'zod';
import {
  type HelperCommand,
  MAX_HOLD_MS,
  MAX_LIFE_MS,
  MAX_PARK_HOURS,
  MAX_SCRIPT_MS,
  VSS_HELPER_PROTOCOL,
} from '../../guest/windows/vss-helper-protocol.ts';

const commandSchema = z.discriminatedUnion('command', [
  z
    .object({
      command: z.literal('prepare'),
      protocol: z.literal(VSS_HELPER_PROTOCOL),
      set: z.string().min(1),
      disks: z.array(z.string().min(1)).min(1),
      backupType: z.enum(['copy', 'full']),
      mode: z.enum(['commit', 'precommit']),
      holdMs: z.number().positive(),
      excludedWriters: z.array(z.guid()),
      bootableState: z.boolean(),
    })
    .refine(({ mode, holdMs }) => holdMs <= MAX_HOLD_MS[mode]),
  z.object({
    command: z.literal('quiesce'),
    scriptMs: z.number().min(1).max(MAX_SCRIPT_MS),
    lifeMs: z.number().min(1).max(MAX_LIFE_MS),
  }),
  z.object({ command: z.literal('freeze') }),
  z.object({ command: z.literal('complete'), success: z.boolean() }),
  z.object({ command: z.literal('park'), hours: z.number().min(1).max(MAX_PARK_HOURS) }),
  z.object({ command: z.literal('resume'), set: z.string().min(1) }),
  z.object({ command: z.literal('selftest') }),
  z.object({ command: z.literal('status') }),
  z.object({ command: z.literal('abort') }),
  z.object({ command: z.literal('quit') }),
]);

/** Undefined for anything that is not a command of this protocol version. */
export function parseHelperCommand(line: string): HelperCommand | undefined {
  try {
    return commandSchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
