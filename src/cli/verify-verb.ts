import path from 'node:path';
import { verifyImage } from '../image/verify-image.ts';
import { type ErrorRecord, SnaphookError, toErrorRecord } from '../ports/errors.ts';
import type { Reporter } from '../ports/reporter.ts';
import type { VerbResult } from './console.ts';
import { EXIT } from './exit-codes.ts';
import { type Manifest, manifestSchema } from './manifest-schema.ts';
import { readText, requireSignature } from './manifest-signature.ts';
import { jsonDocument } from './render/json.ts';
import { bytesText, table } from './render/text.ts';

export interface VerifyRequest {
  readonly manifest: string;
  /** PEM file; undefined: a signature is not looked at. */
  readonly publicKey: string | undefined;
}

interface Verified {
  readonly image: Manifest['images'][number];
  /** Undefined: it is what was handed over. */
  readonly error: ErrorRecord | undefined;
}

/** Compares the images beside a manifest, wherever they lie now, with what it says of them. Needs nothing but these files. */
export async function verifyVerb(request: VerifyRequest, reporter: Reporter, signal: AbortSignal): Promise<VerbResult> {
  const text = await readText(request.manifest, 'manifest', 'E_VERIFY');
  const isSigned = request.publicKey !== undefined;
  // First: nothing in a manifest that somebody else wrote is worth a look.
  if (request.publicKey !== undefined) await requireSignature(request.manifest, request.publicKey, text);
  const manifest = parseManifest(request.manifest, text);
  if (manifest.images.length === 0) {
    throw new SnaphookError('E_VERIFY', `manifest "${request.manifest}" is of mounted file systems: it has no image`, {
      hint: 'They were checked before they were handed over; of files themselves a manifest has no hashes.',
    });
  }
  const verified: Verified[] = [];
  for (const image of manifest.images) {
    const progress = (doneBytes: number) =>
      reporter.progress('verifying image', { image: image.path, doneBytes, bytes: image.sizeBytes });
    try {
      await verifyImage(path.dirname(path.resolve(request.manifest)), image, progress, signal);
      verified.push({ image, error: undefined });
    } catch (error) {
      signal.throwIfAborted();
      verified.push({ image, error: toErrorRecord(error) });
    }
  }
  const ok = verified.every(({ error }) => error === undefined);
  return {
    document: jsonDocument('verify', {
      ok,
      manifest: request.manifest,
      runId: manifest.run.id,
      signature: isSigned ? 'valid' : 'not-checked',
      images: verified.map(({ image: { path: file, format, sizeBytes }, error }) => ({
        path: file,
        format,
        sizeBytes,
        ok: error === undefined,
        error,
      })),
    }),
    text: textOf(manifest, verified, isSigned),
    exitCode: ok ? EXIT.ok : EXIT.verify,
  };
}

function textOf(manifest: Manifest, verified: readonly Verified[], isSigned: boolean): string {
  const rows = verified.map(({ image, error }) => [
    error ? 'FAILED' : 'ok',
    image.path,
    image.format,
    bytesText(image.sizeBytes),
    error?.message ?? '',
  ]);
  const failed = verified.filter(({ error }) => error !== undefined).length;
  return [
    `run ${manifest.run.id} of job "${manifest.run.job}", handed over at ${manifest.createdAt}\n`,
    table([['', 'image', 'format', 'size', ''], ...rows]),
    isSigned ? 'the signature of the manifest is valid\n' : 'a signature was not checked: no --public-key was given\n',
    failed === 0
      ? `${verified.length} image(s) hold what was handed over\n`
      : `${failed} of ${verified.length} image(s) do not hold what was handed over\n`,
  ].join('');
}

function parseManifest(file: string, text: string): Manifest {
  const notOne = (cause: unknown, why: string) =>
    new SnaphookError('E_VERIFY', `"${file}" is no manifest of this version: ${why}`, {
      cause,
      hint: '`snaphook manifest schema` prints what a manifest is.',
    });
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch (cause) {
    throw notOne(cause, 'it is no JSON');
  }
  const parsed = manifestSchema.safeParse(root);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw notOne(parsed.error, `${issue?.path.join('.') || 'document'}: ${issue?.message ?? 'unknown'}`);
}
