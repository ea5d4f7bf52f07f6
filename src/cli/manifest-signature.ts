import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { openRegular } from '../image/file-io.ts';
import { SIGNATURE_NAME } from '../job/plan.ts';
import { isSignatureOf } from '../platform/signature.ts';
import { systemErrorCode } from '../platform/system-error.ts';
import { SnaphookError } from '../ports/errors.ts';

/** Is the text of this manifest what was signed with the private key of `publicKey` (PEM file)? Errors: `E_USAGE`, `E_VERIFY`. */
export async function requireSignature(manifest: string, publicKey: string, text: string): Promise<void> {
  const key = await readText(publicKey, 'public key', 'E_USAGE');
  const signature = await readText(path.join(path.dirname(manifest), SIGNATURE_NAME), 'signature', 'E_VERIFY');
  let isValid: boolean;
  try {
    isValid = isSignatureOf(key, text, signature);
  } catch (cause) {
    throw new SnaphookError('E_USAGE', `"${publicKey}" is no Ed25519 public key in PEM`, {
      cause,
      hint: 'Make it of the private key: openssl pkey -in manifest.key -pubout',
    });
  }
  if (!isValid) {
    throw new SnaphookError(
      'E_VERIFY',
      `manifest "${manifest}" is not what was signed with the key of "${publicKey}"`,
      {
        hint: 'It was changed since, or signed with another key.',
      },
    );
  }
}

export async function readText(file: string, what: string, code: 'E_VERIFY' | 'E_USAGE'): Promise<string> {
  const refused = (why: string, cause?: unknown) =>
    new SnaphookError(code, `${what} "${file}" cannot be read (${why})`, {
      cause,
      hint: 'Give the path of a file that this account may read.',
    });
  // A key may come through a pipe of the caller's; whatever lies beside images is nobody's to wait for.
  const reading = code === 'E_USAGE' ? readFile(file, 'utf8') : readRegular(file);
  const text = await reading.catch((cause: unknown) => {
    throw refused(systemErrorCode(cause), cause);
  });
  if (text === undefined) throw refused('it is no file');
  return text;
}

/** Undefined: something else lies there. */
async function readRegular(file: string): Promise<string | undefined> {
  const opened = await openRegular(file);
  try {
    return await opened?.handle.readFile('utf8');
  } finally {
    await opened?.handle.close();
  }
}
