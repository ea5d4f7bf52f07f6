import * as z from 'zod';

const writer = z
  .looseObject({
    id: z.string().describe('class id'),
    name: z.string(),
    state: z.number().int().describe('VSS_WRITER_STATE; 6 to 15: failed in a phase'),
    hresult: z.string(),
    required: z.boolean().describe('its failure lowers the grade'),
    remedy: z
      .object({ advice: z.string(), mayPass: z.boolean().describe('to wait and try again may be enough') })
      .optional()
      .describe('of a writer that failed'),
  })
  .describe('a VSS writer');

const listedWriter = z
  .looseObject({
    id: z.string().describe('class id'),
    name: z.string(),
    state: z.number().int().describe('VSS_WRITER_STATE; 6 to 15: failed in a phase'),
    verified: z.boolean().describe('VSS was told to make no shadow copy without it'),
  })
  .describe('a VSS writer as vssadmin lists it (vss-diskshadow)');

const writers = z.array(z.union([writer, listedWriter])).optional();

const shadowCopy = z.object({ id: z.string(), setId: z.string(), createdAt: z.string(), volume: z.string() });

const logEntry = z.object({
  source: z.string(),
  id: z.number().int(),
  level: z.enum(['error', 'warning', 'information']),
  at: z.string().describe("ISO 8601, by the guest's clock"),
  text: z.string(),
});

const scriptRun = z.object({
  kind: z.enum(['script', 'plug-in']),
  name: z.string(),
  phase: z.enum(['freeze', 'thaw', 'freezeFail']),
  exitCode: z.number().int().optional().describe('absent: it did not end in time; 99 of a plug-in: nothing to do'),
  output: z.string().describe('the end of what it said'),
});
const scripts = z.array(scriptRun).optional();

const application = z
  .object({
    name: z.string(),
    required: z.boolean().describe('named in the settings of the guest: without its word the grade is not application'),
    quiet: z.boolean().describe('a script or its plug-in said so'),
    problem: z.string().optional().describe('why nothing speaks for it, or the word of its plug-in does not count'),
  })
  .describe('an application that scripts or plug-ins speak for, docs/application-plug-ins.md');

/** What a manifest has of a guest: shape and meaning, for readers. */
export const guestEvidence = z
  .looseObject({
    prepared: z.looseObject({
      strategy: z.string(),
      backupType: z.enum(['copy', 'full']).optional(),
      hold: z.enum(['commit', 'precommit']).optional().describe('what stood still: docs/vss-backups.md'),
      writersBefore: writers,
      applications: z.array(application).optional(),
      scripts: scripts.describe('that were told freeze'),
      notHeld: z.array(z.string()).optional().describe('volumes on captured disks that nothing holds'),
      excludedComponents: z
        .array(
          z.object({
            writer: z.object({ id: z.string(), name: z.string() }),
            component: z.string(),
            reason: z.string().describe('the volume that is not captured, or words'),
          }),
        )
        .optional()
        .describe('parts of applications that are not in the snapshot'),
    }),
    freeze: z
      .looseObject({
        writersAfter: writers,
        scripts: scripts.describe('that were told the end: thaw, or freezeFail when the freeze was lost'),
        shadowCopies: z.array(shadowCopy).optional().describe('that the guest made (VSS): docs/vss-diskshadow.md'),
        lost: z.array(z.string()).optional().describe('ids of shadow copies that were gone after the establish'),
        events: z.array(logEntry).optional().describe('of VSS and Volsnap in the event logs of the guest'),
      })
      .optional(),
  })
  .describe('what the guest told before and after the freeze');
