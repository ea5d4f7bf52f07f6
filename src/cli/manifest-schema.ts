import * as z from 'zod';
import { GRADES } from '../job/grade.ts';
import { REGION_FINDERS } from '../ports/bands.ts';
import { EXPOSED_AS } from '../ports/exposures.ts';
import { APPLICATION_KINDS } from '../ports/file-systems.ts';
import { IMAGE_FORMATS, LEAST_LEAF_BYTES, MOST_LEAF_BYTES } from '../ports/images.ts';
import { guestEvidence } from './manifest-guest-schema.ts';

const bytes = z.number().int().nonnegative();
const milliseconds = z.number();
const instanceUuid = z.string().describe("the VM's instance UUID in vCenter");
const inside = z
  .string()
  .regex(/^(?!\/)(?!(.*\/)?\.\.(\/|$))[^\\\0]+$/)
  .describe('relative to the folder of the manifest, `/` separators, never out of it');

const contentHash = z
  .object({
    algorithm: z.literal('blake2b-512-tree'),
    leafBytes: z
      .number()
      .int()
      .min(LEAST_LEAF_BYTES)
      .max(MOST_LEAF_BYTES)
      .describe('of each leaf but the last; of bands, their length'),
    value: z.string().regex(/^[0-9a-f]{128}$/),
  })
  .describe('of the content, whatever the format: BLAKE2b-512 of the BLAKE2b-512 digests of its leaves in a row');

const signature = z
  .object({
    diskId: z.string().optional().describe('gpt:<disk GUID> or mbr:<8 hex digits>'),
    vmfs: z.object({ volumeUuid: z.string(), fileSystemUuid: z.string().optional() }).optional(),
  })
  .describe('what the content says of itself');

const vmOfDisk = z.object({ name: z.string(), key: z.number().int(), disk: z.string() });

const image = z
  .object({
    path: inside,
    format: z.enum(IMAGE_FORMATS),
    sizeBytes: bytes.describe('of the content: the whole disk or device, zeros included'),
    dataBytes: bytes.describe('of the content that is not zeros, in pieces of 64 KiB; of bands, in whole bands'),
    contentHash,
    bandBytes: bytes.optional().describe('of bands: the length of each but the last'),
    changedBands: z
      .number()
      .int()
      .nonnegative()
      .optional()
      .describe('of bands: how many are new files since the export before'),
    changedBytes: bytes.optional().describe('of bands: their bytes'),
    changedRegions: z
      .enum(REGION_FINDERS)
      .optional()
      .describe(
        "of bands: hashes: all was read; cbt: what vSphere's changed block tracking named, the rest is believed unchanged",
      ),
    holds: z.enum(['disk', 'datastore']).describe('one virtual disk, or an extent of a VMFS datastore with many'),
    device: z.string().optional().describe('source device on the array'),
    wwn: z.string().optional().describe('of the source device'),
    target: z.string().optional().describe('device that was linked and read'),
    signature: signature.optional(),
    diskUuid: z.string().optional().describe('serial of a disk that was read by hot-add (route managed)'),
  })
  .describe('one image; a flat VMDK has its extent beside it');

const vmFile = z
  .object({
    vm: instanceUuid,
    kind: z.enum(['vmx', 'nvram', 'ovf']),
    path: inside,
    sizeBytes: bytes,
    blake2b: z
      .string()
      .regex(/^[0-9a-f]{128}$/)
      .describe('BLAKE2b-512 of the file'),
  })
  .describe('a small file of a VM beside its images, docs/images.md');

const network = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('standard'), name: z.string() }),
  z.object({ kind: z.literal('distributed'), switchUuid: z.string(), portgroupKey: z.string() }),
  z.object({ kind: z.literal('other') }),
]);

const hardware = z
  .object({
    version: z.string().optional().describe('such as vmx-19'),
    guestId: z.string().optional(),
    firmware: z.enum(['bios', 'efi']),
    secureBoot: z.boolean(),
    tpm: z.boolean(),
    cpus: z.number().int().positive(),
    coresPerSocket: z.number().int().positive(),
    memoryMiB: z.number().int().positive(),
    biosUuid: z.string().optional(),
    showsSerials: z.boolean().describe('disk.EnableUUID'),
    controllers: z.array(z.object({ key: z.number().int(), type: z.string(), busNumber: z.number().int() })),
    slots: z
      .array(z.object({ disk: z.number().int(), controller: z.number().int(), unit: z.number().int() }))
      .describe('where each disk hangs, by device keys'),
    adapters: z.array(
      z.object({
        label: z.string(),
        type: z.string(),
        macAddress: z.string().optional(),
        addressType: z.string().optional(),
        network,
      }),
    ),
  })
  .describe('what the VM is beside its disks, docs/restore.md');

const vm = z.object({
  name: z.string(),
  instanceUuid,
  moRef: z.string(),
  role: z.enum(['selected', 'neighbour']),
  frozenBy: z
    .object({
      strategy: z.enum(['vss-provider', 'vss-diskshadow', 'linux-fsfreeze', 'vmware-tools', 'none']),
      hold: z.enum(['commit', 'precommit']).optional(),
      because: z.string().optional().describe('where there was a choice'),
    })
    .optional()
    .describe('how the guest was made to stand still, docs/strategies.md'),
  grade: z.enum(GRADES),
  reasons: z.array(z.string()).describe('why the grade is not better, or what it does not say'),
  evidence: z
    .looseObject({
      times: z.record(z.string(), milliseconds).describe('moments of the freeze window on one monotonic clock'),
      devices: z.array(z.string()),
      guest: guestEvidence.optional(),
    })
    .optional()
    .describe('what the grade rests on, docs/grades.md'),
  notes: z.array(
    z.object({
      code: z.string(),
      severity: z.enum(['info', 'warning']),
      disk: z.number().optional(),
      text: z.string(),
    }),
  ),
  hardware: hardware.optional(),
  disks: z.array(
    z.object({
      key: z.number().int().describe('device key in the VM'),
      label: z.string(),
      storage: z.enum(['vvol', 'vmfs', 'rdm']),
      capacityBytes: bytes,
      devices: z.array(z.string()),
      images: z.array(inside).describe('that hold it: one, or every extent of its datastore'),
    }),
  ),
});

const volume = {
  vms: z.array(vmOfDisk),
  device: z.string(),
  target: z.string(),
  wwn: z.string(),
  place: z.object({
    partition: z.number().int().optional(),
    partitionUuid: z.string().optional(),
    logicalVolume: z.object({ group: z.string(), name: z.string() }).optional().describe('of LVM'),
    offsetBytes: bytes,
    sizeBytes: bytes,
  }),
  fileSystem: z.object({ kind: z.string().optional(), uuid: z.string().optional(), label: z.string().optional() }),
};

const fileSystem = z.object({
  state: z.enum(['mounted', 'no-files', 'unreadable', 'damaged']),
  path: inside.optional().describe('where it is mounted'),
  checkedBy: z.string().optional().describe('program that found it sound'),
  shadowCopy: z
    .string()
    .optional()
    .describe('id of the shadow copy (VSS) that is mounted in place of what the volume was at the instant'),
  guestMountPoints: z.array(z.string()).optional().describe('where its guest has it, as far as is known'),
  why: z.string().optional().describe('it is not mounted'),
  folder: inside.describe('of its disk'),
  ...volume,
});

const filesIndex = z
  .object({
    path: inside,
    sizeBytes: bytes,
    blake2b: z
      .string()
      .regex(/^[0-9a-f]{128}$/)
      .describe('BLAKE2b-512 of the index'),
    entries: z.number().int().nonnegative().describe('files, folders and links'),
  })
  .describe('every mounted file with its hash, docs/verify.md');

const exposed = z
  .object({
    as: z.enum(EXPOSED_AS).describe('files, or exports of an NBD server'),
    socket: inside.optional().describe('of the NBD server'),
    disks: z
      .array(
        z.object({
          path: inside.describe('of the file; the name of the NBD export'),
          sizeBytes: bytes,
          holds: z.enum(['disk', 'datastore']),
          device: z.string(),
          wwn: z.string(),
          target: z.string(),
          signature: signature.optional(),
          vms: z.array(vmOfDisk),
        }),
      )
      .min(1),
  })
  .describe('disks that the backup product reads where they lie: nothing was read before, so there are no hashes');

const guestPath = {
  vm: z.string(),
  path: z.string().describe('as the job names it'),
  volume: z.string().optional().describe('disk and mount from whose root the path leads'),
};

const checks = z
  .object({
    fileSystems: z
      .array(
        z.object({
          state: z.enum(['sound', 'not-checked', 'no-files']),
          checkedBy: z.string().optional().describe('program that found it sound'),
          why: z.string().optional().describe('it was not checked'),
          ...volume,
        }),
      )
      .optional()
      .describe('of images: what was found on the disks'),
    files: z.array(z.object({ ...guestPath, bytes })).describe('read to their end'),
    applications: z
      .array(
        z.object({
          kind: z.enum(APPLICATION_KINDS),
          ...guestPath,
          checkedBy: z.string().describe('program that opened it'),
          found: z.string().describe('what it said'),
        }),
      )
      .describe('databases that were opened'),
  })
  .describe('what was looked into before the hand-over, docs/verify.md');

/** The manifest beside the images, version 1. Readers ignore fields they do not know: later versions of snaphook may add some. */
export const manifestSchema = z
  .object({
    schema: z.literal('snaphook/manifest'),
    version: z.literal(1),
    tool: z.string().describe('what wrote it, such as `snaphook 0.1.0`'),
    createdAt: z.iso.datetime(),
    run: z.object({
      id: z.string(),
      job: z.string(),
      integration: z.string(),
      instance: z.string().optional(),
      productRunId: z.string().optional(),
      attempt: z.number().int().min(1).optional().describe('which try of that run of the product it is, from 1'),
      level: z.string().optional(),
      incrementals: z
        .enum(['by-time', 'by-comparison'])
        .optional()
        .describe('how incremental backups of the product find what changed, docs/files.md'),
      name: z.string().optional().describe('with its mark, where the snapshot is of another run'),
    }),
    snapshot: z.object({
      array: z.string(),
      model: z.string(),
      name: z.string(),
      snapId: z.number().int().optional(),
      timeToLiveHours: z.number(),
      keptBy: z.string().optional().describe('the run that made it and keeps it'),
      takenAt: z.iso.datetime().optional().describe('a moment after it was made'),
    }),
    window: z
      .object({ lengthMs: milliseconds, arrayMs: milliseconds, freezeMs: milliseconds, thawMs: milliseconds })
      .describe('from the first freeze request to the last thaw, and what took how long'),
    route: z.object({ name: z.enum(['snapvx', 'managed']), because: z.string() }),
    commonInstant: z.boolean().describe('do all VMs show one point in time?'),
    proxyVm: z.object({ moRef: z.string(), name: z.string() }).optional(),
    gradeAsked: z.enum(GRADES).optional().describe('what the job asked for'),
    vms: z.array(vm).min(1),
    collateral: z
      .array(
        z.object({
          datastore: z.string(),
          vms: z.array(
            z.object({
              name: z.string(),
              instanceUuid: instanceUuid.optional(),
              poweredOn: z.boolean().optional(),
              bytes: bytes.optional(),
              state: z.enum(['prepared', 'powered-off', 'no-disk', 'not-prepared', 'unreadable']),
            }),
          ),
        }),
      )
      .describe('VMs that share a captured datastore'),
    warnings: z.array(z.string()),
    folders: z.array(inside).optional().describe('of disks whose file systems are mounted, docs/files.md'),
    fileSystems: z.array(fileSystem).optional().describe('what was found on these disks'),
    filesIndex: filesIndex.optional(),
    files: z.array(vmFile).optional(),
    exposed: exposed.optional(),
    checks: checks.optional(),
    images: z.array(image).describe('none where file systems are handed over, or disks without a copy'),
  })
  .refine(
    ({ images, exposed: shown, fileSystems = [] }) =>
      images.length > 0 || shown !== undefined || fileSystems.some(({ state }) => state === 'mounted'),
    { error: 'neither images nor mounted file systems nor exposed disks', path: ['images'] },
  )
  .describe('snaphook manifest');

export type Manifest = z.infer<typeof manifestSchema>;

/** The published JSON Schema of the manifest (draft 2020-12). */
export function manifestJsonSchema(): unknown {
  return z.toJSONSchema(manifestSchema, { io: 'input' });
}
