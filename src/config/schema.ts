import * as z from 'zod';
import { EXPOSED_AS } from '../ports/exposures.ts';
import { APPLICATION_KINDS } from '../ports/file-systems.ts';
import { IMAGE_FORMATS, MOST_LEAF_BYTES } from '../ports/images.ts';

const secret = z
  .string()
  .regex(
    /^(env|file|systemd|exec):.+/,
    'secrets are given by reference: env:NAME, file:/path, systemd:NAME or exec:/program',
  )
  .describe(
    'Reference to a secret: env:NAME, file:/path (mode 0600 or 0400), systemd:NAME, exec:/program. Never the secret itself.',
  );

const tls = z
  .strictObject({
    caFile: z.string().optional().describe('PEM file with the authority that signed the server certificate'),
    fingerprint256: z
      .string()
      .regex(/^([0-9A-Fa-f]{2}:?){32}$/, 'a SHA-256 fingerprint has 32 bytes in hexadecimal')
      .optional()
      .describe('SHA-256 fingerprint of the server certificate itself, for self-signed ones'),
  })
  .describe(
    'How the server is recognised. Without it the system authorities decide. Verification cannot be switched off.',
  );

const httpsUrl = z.url({ protocol: /^https$/, error: 'an https:// URL is needed' });
const seconds = z.number().positive();

const vcenter = z.strictObject({
  url: httpsUrl.describe('https://vcenter.example.com'),
  username: z.string().min(1),
  password: secret,
  tls: tls.optional(),
});

const server = z
  .strictObject({ url: httpsUrl, tls: tls.optional() })
  .describe('A server that is recognised by something of its own');

const array = z.strictObject({
  id: z.string().regex(/^\d{12}$/, 'an array id has 12 digits; quote it, YAML drops leading zeros'),
  unisphere: z
    .union([
      httpsUrl,
      z
        .array(z.union([httpsUrl, server]))
        .min(1)
        .max(8),
    ])
    .describe('https://unisphere.example.com:8443, or a list of the servers that manage the array'),
  username: z.string().min(1),
  password: secret,
  tls: tls.optional(),
  snapVxApi: z
    .enum(['auto', 'device-list', 'storage-group'])
    .default('auto')
    .describe(
      'how snapshots are taken: of devices by the private API, of temporary storage groups by the published one; auto: the former where it is served',
    ),
});

const winrm = z
  .strictObject({
    transport: z.enum(['https', 'http']).default('https').describe('http is always sealed (NTLM)'),
    port: z.number().int().min(1).max(65535).optional().describe('default 5986 for https, 5985 for http'),
    authentication: z.enum(['ntlm', 'basic']).default('ntlm').describe('basic only over https'),
    username: z.string().min(1).describe('HOST\\user or DOMAIN\\user'),
    password: secret,
    tls: tls.optional(),
    helperPath: z.string().default('C:\\Program Files\\snaphook\\snaphook-vss.exe'),
  })
  .describe('A Windows guest: frozen by VSS (vss-provider)');

const sshFingerprint = z
  .string()
  .regex(/^SHA256:[A-Za-z0-9+/]{43}$/, 'a host key is given as ssh-keygen -l prints it: SHA256: and 43 characters');

const absolutePath = z.string().regex(/^\/[^\0\n]*$/, 'an absolute path is needed');

const ssh = z
  .strictObject({
    port: z.number().int().min(1).max(65535).default(22),
    username: z.string().min(1).default('root'),
    privateKey: secret.optional().describe('reference to an OpenSSH private key'),
    passphrase: secret.optional().describe('of the private key'),
    password: secret.optional(),
    hostKeys: z.array(sshFingerprint).min(1).optional().describe('SHA-256 fingerprints of the guests themselves'),
    knownHosts: z.string().optional().describe('file in the format of OpenSSH known_hosts, for many guests'),
    sudo: z.boolean().default(false).describe('start the helper by `sudo -n`, for accounts that are not root'),
    helperPath: absolutePath.default('/usr/local/sbin/snaphook-freeze'),
    leaseSeconds: z
      .number()
      .min(1)
      .max(60)
      .default(10)
      .describe('the guest writes again after this, whatever happens to this machine'),
    scriptsDirectory: absolutePath
      .default('/etc/snaphook/scripts.d')
      .describe('scripts run with freeze before, with thaw or freezeFail after; owned by root, writable by root alone'),
    scriptSeconds: z.number().min(1).max(300).default(30).describe('for all scripts of one phase together'),
    applications: z
      .array(z.string().regex(/^[\w.-]{1,64}$/, 'letters, digits, dot, dash and underscore'))
      .default([])
      .describe('what scripts must confirm as quiet for the grade application'),
  })
  .refine(({ privateKey, password }) => (privateKey === undefined) !== (password === undefined), {
    error: 'exactly one of privateKey and password is needed',
  })
  .refine(({ hostKeys, knownHosts }) => (hostKeys === undefined) !== (knownHosts === undefined), {
    error: 'exactly one of hostKeys and knownHosts is needed: a guest is never trusted at first sight',
  })
  .describe('A Linux guest: its file systems are frozen (linux-fsfreeze)');

const guest = z
  .strictObject({
    vms: z.array(z.string().min(1)).min(1).describe('VM names these settings are for; * and ? match'),
    address: z.string().optional().describe('Where the guest is reached; default: what VMware Tools reports'),
    winrm: winrm.optional(),
    ssh: ssh.optional(),
  })
  .refine((settings) => (settings.winrm === undefined) !== (settings.ssh === undefined), {
    error: 'exactly one of winrm (Windows) and ssh (Linux) is needed',
  })
  .refine(({ vms, address }) => address === undefined || (vms.length === 1 && !/[*?]/.test(vms[0] ?? '')), {
    error: 'an address is of one VM: give it to an entry of its own, without * and ?',
    path: ['address'],
  });

const proxy = z.strictObject({
  host: z.string().min(1).describe('Host (initiator group) of this machine on the array'),
  devices: z.string().default('/dev/disk/by-id').describe('Where devices appear by identity (Linux)'),
  powershell: z
    .string()
    .min(1)
    .optional()
    .describe('Executable file of Windows PowerShell on a Windows proxy; default: that of the system'),
  vm: z
    .string()
    .min(1)
    .optional()
    .describe('The VM this machine runs in, one, named as in vms of a job. Needed for the route managed'),
  mountNamespace: z
    .enum(['machine', 'any'])
    .default('machine')
    .describe(
      'where handOver: files and fuse may mount: in the view of the whole machine alone, or in whatever view the hook has',
    ),
});

const limits = z
  .strictObject({
    deadlineSeconds: seconds.optional().describe('pre and post end by themselves within this, undoing included (230)'),
    freezeSeconds: seconds.optional().describe('from the freeze request to frozen (60)'),
    establishSeconds: seconds.optional().describe('from the establish request to its answer (8)'),
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
    heartbeatSeconds: seconds.max(240).optional().describe('a hook says at least this often that it still works (30)'),
  })
  .describe('Times in seconds; the defaults fit most sites');

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
    .enum(['auto', 'vss-provider', 'linux-fsfreeze', 'vmware-tools', 'none'])
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
    .regex(
      /^(\/|[A-Za-z]:[\\/]|\\\\)\P{Cc}*$/u,
      'an absolute path without control characters: products are told it, and hooks start anywhere',
    )
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
  verify: z
    .strictObject({
      fileSystems: z
        .boolean()
        .optional()
        .describe('check every file system; default: true with handOver: files, false with images'),
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
  imageFormat: z.enum(IMAGE_FORMATS).default('raw').describe('of the images that are handed over: docs/images.md'),
  bandBytes: z
    .number()
    .int()
    .multipleOf(65_536)
    .min(65_536)
    .max(MOST_LEAF_BYTES)
    .optional()
    .describe('of each file, with imageFormat bands (4 MiB)'),
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

const checkedJob = job
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
  .refine(({ handOver, configurationFiles }) => handOver === 'images' || configurationFiles === 'off', {
    error: 'these files lie beside images: `handOver: images`',
    path: ['configurationFiles'],
  })
  .refine(({ imageFormat, bandBytes }) => bandBytes === undefined || imageFormat === 'bands', {
    error: 'is of images as bands: set imageFormat to bands',
    path: ['bandBytes'],
  });

export const configSchema = z
  .strictObject({
    version: z.literal(1),
    stateDirectory: z.string().min(1).describe('journals and locks; must survive a reboot'),
    installation: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe('names this installation in snapshot names; default: proxy.host and the vCenter'),
    manifestKey: secret.optional().describe('Ed25519 private key in PEM (PKCS #8): every manifest is signed with it'),
    vcenter,
    arrays: z.array(array).min(1),
    guests: z.array(guest).default([]),
    proxy,
    jobs: z
      .record(
        z
          .string()
          .min(1)
          .max(200)
          .regex(/^(?!clone of )/, 'a job has no name that begins with "clone of "'),
        checkedJob,
      )
      .describe('what the backup product calls by name'),
  })
  .describe('snaphook configuration');

export type Config = z.infer<typeof configSchema>;
export type ArraySettings = z.infer<typeof array>;
export type TlsSettings = z.infer<typeof tls>;
export type GuestConfig = z.infer<typeof guest>;
export type JobConfig = z.infer<typeof job>;

/** The published JSON Schema of the configuration file (draft 2020-12). */
export function configJsonSchema(): unknown {
  return z.toJSONSchema(configSchema, { io: 'input' });
}
