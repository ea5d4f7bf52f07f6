import * as z from 'zod';
import { absolutePath, secret, tls } from './values.ts';
import { HOLD_TOO_LONG, vssSettings, withinHold } from './vss-settings.ts';

const kerberos = z
  .strictObject({
    keytab: absolutePath
      .optional()
      .describe('keytab file of the account, mode 0600; without it the tickets that kinit left are used'),
    cache: z
      .string()
      .regex(/^(\/|FILE:\/|DIR:|KCM:|KEYRING:)/, 'a credential cache is a path, or named as KRB5CCNAME names it')
      .optional()
      .describe(
        'credential cache of the account, as KRB5CCNAME names it; default: that of the account that runs the hook',
      ),
    service: z
      .string()
      .regex(/^[\w.-]+\/[\w.-]+(@[\w.-]+)?$/, 'a service is named as in HTTP/sql01.example.com')
      .optional()
      .describe('name of the guest in its domain; default: HTTP/ and its address, which has to be a host name then'),
    programs: absolutePath
      .optional()
      .describe('folder of the programs kinit and kvno; default: where systems have them'),
  })
  .refine(({ keytab, cache }) => keytab === undefined || cache === undefined, {
    error: 'tickets come from a keytab or from a cache, not from both',
  })
  .describe('Where the Kerberos ticket comes from (docs/winrm-client.md)');

const certificate = z
  .strictObject({
    file: z.string().min(1).describe('PEM file with the client certificate'),
    key: secret.describe('reference to its private key, PEM'),
    passphrase: secret.optional().describe('of the key'),
  })
  .describe('The guest has mapped the certificate to one of its local accounts; https only');

const settings = z.strictObject({
  transport: z.enum(['https', 'http']).default('https').describe('http is always sealed (NTLM, Kerberos)'),
  port: z.number().int().min(1).max(65535).optional().describe('default 5986 for https, 5985 for http'),
  authentication: z
    .enum(['ntlm', 'basic', 'kerberos', 'certificate'])
    .default('ntlm')
    .describe('basic and certificate only over https'),
  username: z.string().min(1).optional().describe('HOST\\user or DOMAIN\\user; with kerberos user@REALM'),
  password: secret.optional().describe('for ntlm and basic'),
  kerberos: kerberos.optional(),
  certificate: certificate.optional(),
  tls: tls.optional(),
  ...vssSettings,
});

type Settings = z.infer<typeof settings>;
const usesPassword = ({ authentication }: Settings) => authentication === 'ntlm' || authentication === 'basic';

export const winrm = settings
  .refine((given) => usesPassword(given) === (given.password !== undefined), {
    error: 'authentication ntlm and basic need a password, and the others have none',
    path: ['password'],
  })
  .refine(({ authentication, username }) => (authentication === 'certificate') === (username === undefined), {
    error: 'a username is needed, except with authentication certificate: the guest says whose the certificate is',
    path: ['username'],
  })
  .refine(({ authentication, username = '' }) => authentication !== 'kerberos' || /^[^@\s]+@[^@\s]+$/.test(username), {
    error: 'with authentication kerberos it is user@REALM',
    path: ['username'],
  })
  .refine(({ authentication, kerberos: given }) => authentication === 'kerberos' || given === undefined, {
    error: 'is for authentication kerberos',
    path: ['kerberos'],
  })
  .refine(({ authentication, certificate: given }) => (authentication === 'certificate') === (given !== undefined), {
    error: 'is needed with authentication certificate, and not with another',
    path: ['certificate'],
  })
  .refine(withinHold, HOLD_TOO_LONG)
  .describe('A Windows guest: frozen by VSS (vss-provider)');
