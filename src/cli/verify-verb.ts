import path from 'node:path';
import { verifyFile, verifyImage } from '../image/verify-image.ts';
import { type ErrorRecord, SnaphookError, toErrorRecord } from '../ports/errors.ts';
import type { Reporter } from '../ports/reporter.ts';
import type { VerbResult } from './console.ts';
import { EXIT } from './exit-codes.ts';
import { type Manifest, manifestSchema } from './manifest-schema.ts';
import { readText, requireSignature } from './manifest-signature.ts';
import { jsonDocument } from './render/json.ts';
import { bytesText, lineOf, table } from './render/text.ts';
import { verifyFilesIndex } from './verify-files-index.ts';

export interface VerifyRequest {
  readonly manifest: string;
  /** PEM file; undefined: a signature is not looked at. */
  readonly publicKey: string | undefined;
  /** Where what was handed over lies now; undefined: beside the manifest. */
  readonly root: string | undefined;
}

type Image = Manifest['images'][number];
type VmFile = NonNullable<Manifest['files']>[number];

interface Verified<Thing> {
  readonly of: Thing;
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
  const directory = path.resolve(request.root ?? path.dirname(request.manifest));
  if (manifest.exposed) {
    throw new SnaphookError(
      'E_VERIFY',
      `manifest "${request.manifest}" is of disks that were handed over without a copy: it has no hash`,
      {
        hint: 'They were not read before the backup product did. `handOver: images` makes images that can be verified.',
      },
    );
  }
  if (manifest.images.length === 0) {
    return verifyFilesIndex(manifest, { file: request.manifest, directory, isSigned }, reporter, signal);
  }
  const images = await verifyEach(manifest.images, signal, (image) => {
    const progress = (doneBytes: number) =>
      reporter.progress('verifying image', { image: image.path, doneBytes, bytes: image.sizeBytes });
    return verifyImage(directory, image, progress, signal);
  });
  const files = await verifyEach(manifest.files ?? [], signal, (file) => verifyFile(directory, file, signal));
  const ok = [...images, ...files].every(({ error }) => error === undefined);
  return {
    document: jsonDocument('verify', {
      ok,
      manifest: request.manifest,
      runId: manifest.run.id,
      signature: isSigned ? 'valid' : 'not-checked',
      images: images.map(({ of, error }) => ({
        path: of.path,
        format: of.format,
        sizeBytes: of.sizeBytes,
        ok: error === undefined,
        error,
      })),
      files: files.map(({ of, error }) => ({
        path: of.path,
        kind: of.kind,
        sizeBytes: of.sizeBytes,
        ok: error === undefined,
        error,
      })),
    }),
    text: textOf(manifest, { images, files }, isSigned),
    exitCode: ok ? EXIT.ok : EXIT.verify,
  };
}

async function verifyEach<Thing>(
  things: readonly Thing[],
  signal: AbortSignal,
  verify: (thing: Thing) => Promise<void>,
): Promise<readonly Verified<Thing>[]> {
  const verified: Verified<Thing>[] = [];
  for (const of of things) {
    try {
      await verify(of);
      verified.push({ of, error: undefined });
    } catch (error) {
      signal.throwIfAborted();
      verified.push({ of, error: toErrorRecord(error) });
    }
  }
  return verified;
}

function textOf(
  manifest: Manifest,
  { images, files }: { readonly images: readonly Verified<Image>[]; readonly files: readonly Verified<VmFile>[] },
  isSigned: boolean,
): string {
  const row = (kind: string, { of, error }: Verified<Image | VmFile>) => [
    error ? 'FAILED' : 'ok',
    of.path,
    kind,
    bytesText(of.sizeBytes),
    error?.message ?? '',
  ];
  const rows = [...images.map((one) => row(one.of.format, one)), ...files.map((one) => row(one.of.kind, one))];
  const failedOf = (verified: readonly Verified<unknown>[]) =>
    verified.filter(({ error }) => error !== undefined).length;
  const summary = (what: string, verified: readonly Verified<unknown>[]) =>
    failedOf(verified) === 0
      ? `${verified.length} ${what}(s) hold what was handed over\n`
      : `${failedOf(verified)} of ${verified.length} ${what}(s) do not hold what was handed over\n`;
  return [
    lineOf(`run ${manifest.run.id} of job "${manifest.run.job}", handed over at ${manifest.createdAt}`),
    table([['', 'image', 'format', 'size', ''], ...rows]),
    isSigned ? 'the signature of the manifest is valid\n' : 'a signature was not checked: no --public-key was given\n',
    summary('image', images),
    files.length > 0 ? summary('file', files) : '',
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
