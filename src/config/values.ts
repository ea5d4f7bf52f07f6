import * as z from 'zod';

// A configuration is read once in a process: to make a program for that takes zod longer than to read it. It holds for all that this
// process reads with zod: the lines of guests and the settings files are too few and too short to matter.
z.config({ jitless: true });

export const secret = z
  .string()
  .regex(
    /^(env|file|systemd|exec):.+/,
    'secrets are given by reference: env:NAME, file:/path, systemd:NAME or exec:/program',
  )
  .describe(
    'Reference to a secret: env:NAME, file:/path (mode 0600 or 0400), systemd:NAME, exec:/program. Never the secret itself.',
  );

export const tls = z
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

export const httpsUrl = z.url({ protocol: /^https$/, error: 'an https:// URL is needed' });
export const seconds = z.number().positive();

export const absolutePath = z.string().regex(/^\/[^\0\n]*$/, 'an absolute path is needed');
