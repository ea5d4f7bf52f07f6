import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { verifyFile } from '../image/verify-image.ts';
import { insideOf } from '../platform/inside-of.ts';
import { unlessAborted } from '../platform/unless-aborted.ts';
import { SnaphookError } from '../ports/errors.ts';
import type { Reporter } from '../ports/reporter.ts';
import { compareFilesIndex, type TreeDifference } from '../proxy/linux/compare-files-index.ts';
import type { VerbResult } from './console.ts';
import { EXIT } from './exit-codes.ts';
import type { Manifest } from './manifest-schema.ts';
import { jsonDocument } from './render/json.ts';
import { lineOf, table } from './render/text.ts';

interface Place {
  /** Of the manifest; the index lies beside it. */
  readonly file: string;
  /** Where the files lie now. */
  readonly directory: string;
  readonly isSigned: boolean;
}

/** More of them are counted, and not named. */
const NAMED = 1000;

/**
 * Compares files that were handed over mounted, wherever they were restored to, with the index of them. What hangs in the kernel is not
 * waited for beyond the signal. Errors: `E_VERIFY`, and the signal's reason.
 */
export function verifyFilesIndex(
  manifest: Manifest,
  place: Place,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<VerbResult> {
  return unlessAborted(verify(manifest, place, reporter, signal), signal);
}

async function verify(
  manifest: Manifest,
  { file, directory, isSigned }: Place,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<VerbResult> {
  const { filesIndex, fileSystems = [] } = manifest;
  if (!filesIndex) {
    throw new SnaphookError('E_VERIFY', `manifest "${file}" is of mounted file systems: it has no image`, {
      hint: 'They were checked before they were handed over. With `verify: { fileHashes: true }` a job lists all files with their hashes.',
    });
  }
  const beside = path.dirname(path.resolve(file));
  await verifyFile(beside, filesIndex, signal);
  const root = await realpath(directory).catch((cause: unknown) => {
    throw new SnaphookError('E_VERIFY', `folder "${directory}" is not there`, {
      cause,
      hint: 'Name another with `--root`.',
    });
  });
  const counts = { missing: 0, changed: 0, extra: 0 };
  const named: TreeDifference[] = [];
  const { entries } = await compareFilesIndex(
    root,
    {
      file: insideOf(beside, filesIndex.path),
      volumes: fileSystems.flatMap(({ path: volume }) => volume ?? []),
    },
    (difference) => {
      counts[difference.kind] += 1;
      if (named.length < NAMED) named.push(difference);
    },
    (doneBytes) => reporter.progress('verifying files', { doneBytes }),
    signal,
  );
  const ok = Object.values(counts).every((count) => count === 0);
  return {
    document: jsonDocument('verify', {
      ok,
      manifest: file,
      runId: manifest.run.id,
      signature: isSigned ? 'valid' : 'not-checked',
      root,
      entries,
      ...counts,
      differences: named,
    }),
    text: textOf(manifest, { entries, counts, named, isSigned }),
    exitCode: ok ? EXIT.ok : EXIT.verify,
  };
}

function textOf(
  { run, createdAt }: Manifest,
  {
    entries,
    counts: { missing, changed, extra },
    named,
    isSigned,
  }: {
    readonly entries: number;
    readonly counts: Readonly<Record<TreeDifference['kind'], number>>;
    readonly named: readonly TreeDifference[];
    readonly isSigned: boolean;
  },
): string {
  const others = missing + changed + extra - named.length;
  return [
    lineOf(`run ${run.id} of job "${run.job}", handed over at ${createdAt}`),
    table(named.map(({ kind, path: place, why = '' }) => [kind, place, why])),
    others > 0 ? `and ${others} more\n` : '',
    isSigned ? 'the signature of the manifest is valid\n' : 'a signature was not checked: no --public-key was given\n',
    missing + changed + extra === 0
      ? `${entries} file(s), folder(s) and link(s) are as they were handed over\n`
      : `of ${entries} file(s), folder(s) and link(s) ${missing} are missing and ${changed} are changed; ${extra} were not handed over\n`,
  ].join('');
}
