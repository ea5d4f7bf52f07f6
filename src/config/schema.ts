import * as z from 'zod';
import { guest } from './guest-settings.ts';
import { checkedJob } from './job-settings.ts';
import { httpsUrl, secret, tls } from './values.ts';

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
export type JobConfig = z.infer<typeof checkedJob>;

/** The published JSON Schema of the configuration file (draft 2020-12). */
export function configJsonSchema(): unknown {
  return z.toJSONSchema(configSchema, { io: 'input' });
}
