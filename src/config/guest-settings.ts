import * as z from 'zod';
import { scriptSettings } from './script-settings.ts';
import { absolutePath, secret } from './values.ts';
import { HOLD_TOO_LONG, vssSettings, withinHold } from './vss-settings.ts';
import { winrm } from './winrm-settings.ts';

const sshFingerprint = z
  .string()
  .regex(/^SHA256:[A-Za-z0-9+/]{43}$/, 'a host key is given as ssh-keygen -l prints it: SHA256: and 43 characters');

const sshLogin = {
  port: z.number().int().min(1).max(65535).default(22),
  privateKey: secret.optional().describe('reference to an OpenSSH private key'),
  passphrase: secret.optional().describe('of the private key'),
  password: secret.optional(),
  hostKeys: z.array(sshFingerprint).min(1).optional().describe('SHA-256 fingerprints of the guests themselves'),
  knownHosts: z.string().optional().describe('file in the format of OpenSSH known_hosts, for many guests'),
};

const oneLogin = ({ privateKey, password }: { privateKey?: string | undefined; password?: string | undefined }) =>
  (privateKey === undefined) !== (password === undefined);
const ONE_LOGIN = { error: 'exactly one of privateKey and password is needed' };
const oneTrust = ({ hostKeys, knownHosts }: { hostKeys?: string[] | undefined; knownHosts?: string | undefined }) =>
  (hostKeys === undefined) !== (knownHosts === undefined);
const ONE_TRUST = {
  error: 'exactly one of hostKeys and knownHosts is needed: a guest is never trusted at first sight',
};

const lease = z.number().min(1).max(60).describe('the guest writes again after this, whatever happens to this machine');

/** The helper in a Linux guest, whatever the way to it. */
const freezeHelper = {
  sudo: z.boolean().default(false).describe('start the helper by `sudo -n`, for accounts that are not root'),
  helperPath: absolutePath.default('/usr/local/sbin/snaphook-freeze'),
  scriptsDirectory: absolutePath
    .default('/etc/snaphook/scripts.d')
    .describe('scripts run with freeze before, with thaw or freezeFail after; owned by root, writable by root alone'),
  ...scriptSettings,
};

const linuxSsh = z
  .strictObject({
    os: z.literal('linux').optional(),
    ...sshLogin,
    username: z.string().min(1).default('root'),
    ...freezeHelper,
    leaseSeconds: lease.default(10),
  })
  .refine(oneLogin, ONE_LOGIN)
  .refine(oneTrust, ONE_TRUST)
  .describe('A Linux guest: its file systems are frozen (linux-fsfreeze)');

const windowsSsh = z
  .strictObject({
    os: z.literal('windows').describe('the OpenSSH server of Windows'),
    ...sshLogin,
    username: z.string().min(1).describe('a local account, or user@domain'),
    ...vssSettings,
  })
  .refine(withinHold, HOLD_TOO_LONG)
  .refine(oneLogin, ONE_LOGIN)
  .refine(oneTrust, ONE_TRUST)
  .describe('A Windows guest: frozen by VSS (vss-provider)');

const ssh = z.discriminatedUnion('os', [linuxSsh, windowsSsh], { error: 'linux or windows is needed' });

const linuxGuestOperations = z
  .strictObject({
    os: z.literal('linux').optional(),
    username: z.string().min(1).default('root').describe('account of the guest itself'),
    password: secret,
    ...freezeHelper,
    leaseSeconds: lease.default(20),
    memoryFolder: absolutePath
      .default('/dev/shm')
      .describe('folder in memory (tmpfs) of the guest, for input and output of the helper'),
  })
  .describe('A Linux guest without a network path: its file systems are frozen (linux-fsfreeze) through VMware Tools');

const windowsGuestOperations = z
  .strictObject({
    os: z.literal('windows').describe('a Windows guest without a network path'),
    username: z.string().min(1).describe('account of the guest itself: DOMAIN\\user, user@domain or a local one'),
    password: secret,
    ...vssSettings,
  })
  .refine(withinHold, HOLD_TOO_LONG)
  .describe('A Windows guest without a network path: frozen by VSS (vss-provider) through VMware Tools');

const guestOperations = z.discriminatedUnion('os', [linuxGuestOperations, windowsGuestOperations], {
  error: 'linux or windows is needed',
});

interface Ways {
  winrm?: VssSettings | undefined;
  ssh?: ({ os?: 'linux' | undefined } | ({ os: 'windows' } & VssSettings)) | undefined;
  guestOperations?: ({ os?: 'linux' | undefined } | ({ os: 'windows' } & VssSettings)) | undefined;
}
interface VssSettings {
  backupType: 'copy' | 'full';
  applications: string[];
}

/** Of a Windows guest, whatever the way into it; undefined: it is a Linux one. */
const vssOf = ({ winrm: one, ssh: other, guestOperations: third }: Ways): VssSettings | undefined =>
  one ?? [other, third].find((way) => way?.os === 'windows');

export const guest = z
  .strictObject({
    vms: z.array(z.string().min(1)).min(1).describe('VM names these settings are for; * and ? match'),
    address: z.string().optional().describe('Where the guest is reached; default: what VMware Tools reports'),
    winrm: winrm.optional(),
    ssh: ssh.optional(),
    guestOperations: guestOperations.optional(),
    strategy: z
      .enum(['auto', 'vss-provider', 'vss-diskshadow'])
      .default('auto')
      .describe(
        'of a Windows guest. vss-provider: our helper holds the volumes; vss-diskshadow: Windows Server makes shadow copies; auto: what the guest has and the array is fast enough for, docs/strategies.md',
      ),
  })
  .refine(
    ({ winrm: one, ssh: other, guestOperations: third }) =>
      [one, other, third].filter((way) => way !== undefined).length === 1,
    {
      error:
        'exactly one of winrm (Windows), ssh and guestOperations (both Linux, or Windows with os: windows) is needed',
    },
  )
  .refine(({ strategy, ...ways }) => strategy === 'auto' || vssOf(ways) !== undefined, {
    error: 'the strategy can be chosen of Windows guests alone; file systems of Linux are frozen',
    path: ['strategy'],
  })
  .refine(({ strategy, ...ways }) => strategy !== 'vss-diskshadow' || vssOf(ways)?.backupType !== 'full', {
    error: 'backups of vss-diskshadow are copies: nobody is there to tell the applications how a full one has ended',
    path: ['strategy'],
  })
  .refine(({ strategy, ...ways }) => strategy !== 'vss-diskshadow' || !vssOf(ways)?.applications.length, {
    error: 'nothing can speak for applications there: scripts and plug-ins are run with vss-provider only',
    path: ['strategy'],
  })
  .refine(({ vms, address }) => address === undefined || (vms.length === 1 && !/[*?]/.test(vms[0] ?? '')), {
    error: 'an address is of one VM: give it to an entry of its own, without * and ?',
    path: ['address'],
  });
