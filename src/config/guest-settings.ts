import * as z from 'zod';
import { absolutePath, secret, tls } from './values.ts';

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
    scriptSeconds: z
      .number()
      .min(1)
      .max(300)
      .default(30)
      .describe('for all scripts and plug-ins of one phase together'),
    applications: z
      .array(z.string().regex(/^[\w.-]{1,64}$/, 'letters, digits, dot, dash and underscore'))
      .default([])
      .describe('what scripts or plug-ins must confirm as quiet for the grade application'),
  })
  .refine(({ privateKey, password }) => (privateKey === undefined) !== (password === undefined), {
    error: 'exactly one of privateKey and password is needed',
  })
  .refine(({ hostKeys, knownHosts }) => (hostKeys === undefined) !== (knownHosts === undefined), {
    error: 'exactly one of hostKeys and knownHosts is needed: a guest is never trusted at first sight',
  })
  .describe('A Linux guest: its file systems are frozen (linux-fsfreeze)');

export const guest = z
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
