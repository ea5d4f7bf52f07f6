import * as z from 'zod';
import { REGION_FINDERS } from '../ports/bands.ts';
import { EXPOSED_AS } from '../ports/exposures.ts';
import { APPLICATION_KINDS } from '../ports/file-systems.ts';
import { IMAGE_FORMATS, MOST_LEAF_BYTES } from '../ports/images.ts';
import { limits } from './job-limits.ts';
import { absolutePath, seconds } from './values.ts';

const guestPath = {
  vm: z.string().min(1).describe('name of the VM'),
  path: absolutePath.describe('as the guest has it; with volume: from the root of that'),
  volume: z
    .string()
    .regex(/^[^/]+(\/[^/]+)+$/, 'a disk and a mount on it, such as hard-disk-1/part2')
    .optional()
    .describe('the disk and the mount on it, such as hard-disk-1/part2; default: as /etc/fstab of the guest tells'),
};

const job = z.strictObject({
  vms: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'VM names, or uuid:<instance UUID>, bios:<BIOS UUID>, moref:<id>, path:<inventory path>; any number by folder:<inventory path>, datastore:<name>, tag:<Category>/<Tag>, like:<pattern>',
    ),
  exclude: z.array(z.string().min(1)).default([]).describe('VMs to leave out, named as in vms'),
  onNoMatch: z.enum(['fail', 'skip']).default('fail').describe('when one of vms leads to no VM'),
  freeze: z
    .enum(['auto', 'vss-provider', 'vss-diskshadow', 'linux-fsfreeze', 'vmware-tools', 'none'])
    .default('auto')
    .describe('auto: each guest as its settings under `guests:` say; vmware-tools: route managed only'),
  route: z
    .enum(['auto', 'snapvx', 'managed'])
    .default('auto')
    .describe('snapvx: array snapshot and linked targets; managed: VM snapshots and hot-add, for vVols only'),
  grade: z.enum(['application', 'filesystem', 'crash']).default('application').describe('the consistency asked for'),
  onLowerGrade: z.enum(['fail', 'degrade']).default('fail'),
  collateral: z
    .enum(['refuse', 'warn', 'prepare'])
    .default('refuse')
    .describe('other VMs on a snapped datastore; prepare: freeze them too, each as `guests:` says'),
  hostCaches: z
    .enum(['refuse', 'warn'])
    .default('refuse')
    .describe('disks behind an IO filter or a write-back cache on the ESXi host; warn: the grade is crash at best'),
  onOpenRun: z
    .enum(['fail', 'replace', 'wait'])
    .default('fail')
    .describe('when another pre hook of the job works, or an earlier run still waits for its post hook'),
  targetPool: z.string().min(1).max(64).describe('storage group whose devices may receive links'),
  createTargets: z
    .strictObject({
      maxPoolDevices: z
        .number()
        .int()
        .min(1)
        .max(4096)
        .describe('the pool is never made to hold more devices than this'),
    })
    .optional()
    .describe('make targets that the pool lacks, in the pool; they stay in it. Absent: none are made'),
  presentGroup: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe('storage group masked to the proxy, when the pool itself is not'),
  exportDirectory: z
    .string()
    .regex(/^(\/|[A-Za-z]:[\\/]|\\\\)\P{Cc}*$/u, 'an absolute path without control characters: products are told it')
    .describe('where images or files are handed over'),
  ownerGroups: z
    .array(
      z.strictObject({
        group: z
          .string()
          .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/, 'letters, digits, dots and dashes')
          .describe('name of the folder'),
        vms: z.array(z.string().min(1)).min(1).describe('names of its VMs; `*` and `?` match'),
      }),
    )
    .optional()
    .describe('whose VMs they are: a level of folders above the VMs; of several groups the first that fits'),
  handOver: z
    .enum(['images', 'files', ...EXPOSED_AS])
    .default('images')
    .describe(
      'images of the disks; their file systems mounted read-only (files); or disks without a copy, on a Linux proxy as root: docs/expose.md (fuse, nbd)',
    ),
  files: z
    .strictObject({
      onUnreadable: z
        .enum(['fail', 'note'])
        .default('fail')
        .describe('encrypted or unknown content: end the run, or go on and say so in the manifest'),
    })
    .optional()
    .describe('for handOver: files'),
  snapshotGap: z
    .enum(['warn', 'refuse', 'accept'])
    .default('warn')
    .describe(
      'with handOver: files, when the backup goes by time and would miss what changed between snapshot and start of the backup before',
    ),
  verify: z
    .strictObject({
      fileSystems: z
        .boolean()
        .optional()
        .describe('check every file system; default: true with handOver: files, false with images'),
      fileHashes: z
        .boolean()
        .optional()
        .describe('with handOver: files, list every file with its hash, which reads all of them; default: false'),
      files: z.array(z.strictObject(guestPath)).default([]).describe('files that must be readable to their end'),
      applications: z
        .array(
          z.strictObject({
            kind: z.enum(APPLICATION_KINDS),
            ...guestPath,
            seconds: seconds.default(120).describe('how long the probe may take'),
          }),
        )
        .default([])
        .describe('databases that must open: a file of SQLite, or the data directory of PostgreSQL'),
    })
    .optional()
    .describe('before anything is handed over; what is not sound ends the run (Linux proxy, root): docs/verify.md'),
  outcomeIsTold: z
    .boolean()
    .default(false)
    .describe(
      'post hooks are called with --outcome success or failure: for guests with backupType full, under products that do not say so themselves',
    ),
  imageFormat: z.enum(IMAGE_FORMATS).default('raw').describe('of the images that are handed over: docs/images.md'),
  bandBytes: z
    .number()
    .int()
    .multipleOf(65_536)
    .min(65_536)
    .max(MOST_LEAF_BYTES)
    .optional()
    .describe('of each file, with imageFormat bands (4 MiB)'),
  changedRegions: z
    .enum(REGION_FINDERS)
    .default('hashes')
    .describe(
      'with imageFormat bands and route managed; cbt: read what vSphere names as changed, and trust it: docs/bands.md',
    ),
  configurationFiles: z
    .enum(['off', 'note', 'require'])
    .default('off')
    .describe(
      'the .vmx and .nvram of the VMs beside the images, for which the account needs more rights; note: what cannot be read is told; require: it ends the run',
    ),
  timeToLiveHours: z.number().int().min(1).max(9600).default(48).describe('the array removes the snapshot after this'),
  retention: z
    .strictObject({
      days: z.number().int().min(1).max(399).describe('a kept snapshot is deleted after so many days'),
      count: z.number().int().min(1).optional().describe('and so many of the same VMs are kept at most'),
    })
    .optional()
    .describe('of snapshots that `snaphook snapshot create` keeps; without it each needs --keep-days'),
  clones: z
    .strictObject({
      presentGroup: z
        .string()
        .min(1)
        .max(64)
        .optional()
        .describe('for clones of VMFS: storage group masked to the ESXi host that shows them'),
      targetPool: z
        .string()
        .min(1)
        .max(64)
        .optional()
        .describe("storage group whose devices hold clones; default: the job's targetPool"),
      host: z.string().min(1).optional().describe('that ESXi host, as vCenter names it; default: --to-host is needed'),
      folder: z.string().min(1).optional().describe('inventory path of the folder of clones; default: that of the VM'),
      datastore: z.string().min(1).optional().describe('where clones of vVols lie; default: that of the VM'),
    })
    .optional()
    .describe('where `snaphook clone` puts clones'),
  secure: z
    .never({
      error:
        'secured snapshots are not supported: nobody, not the post hook either, could remove one before it expires',
    })
    .optional(),
  limits: limits.optional(),
});

export const checkedJob = job
  .refine(({ handOver, files }) => handOver === 'files' || files === undefined, {
    error: 'these settings are for `handOver: files`',
    path: ['files'],
  })
  .refine(({ handOver, imageFormat }) => handOver === 'images' || imageFormat === 'raw', {
    error: 'a format is for `handOver: images`',
    path: ['imageFormat'],
  })
  .refine(({ handOver, verify }) => verify === undefined || handOver === 'images' || handOver === 'files', {
    error: 'replays journals, which would change disks that are handed over without a copy',
    path: ['verify'],
  })
  .refine(({ handOver, verify }) => !verify?.fileHashes || handOver === 'files', {
    error: 'is of mounted files: `handOver: files`; images have hashes in any case',
    path: ['verify', 'fileHashes'],
  })
  .refine(({ handOver, configurationFiles }) => handOver === 'images' || configurationFiles === 'off', {
    error: 'these files lie beside images: `handOver: images`',
    path: ['configurationFiles'],
  })
  .refine(({ imageFormat, bandBytes }) => bandBytes === undefined || imageFormat === 'bands', {
    error: 'is of images as bands: set imageFormat to bands',
    path: ['bandBytes'],
  })
  .refine(({ imageFormat, changedRegions }) => changedRegions === 'hashes' || imageFormat === 'bands', {
    error: 'is of images as bands: set imageFormat to bands',
    path: ['changedRegions'],
  })
  .refine(({ route, changedRegions }) => changedRegions === 'hashes' || route !== 'snapvx', {
    error: 'changed block tracking knows nothing of array snapshots: it is for the route managed',
    path: ['changedRegions'],
  });
