import type { RunId } from '../ports/identity.ts';
import { type ExportRecord, filesOfImage, type HandedOverFile, type ImageShape } from '../ports/images.ts';
import type { Finding } from './finding.ts';
import { readManifestNote } from './manifest.ts';
import { OWN_NAME_PREFIX } from './names.ts';
import { isYoung, runByMark, whyNotOfItsTime } from './ownership.ts';
import { DRAFT_SUFFIX, MANIFEST_NAME, PLANNED_MANIFEST_NAME, SIGNATURE_NAME } from './plan.ts';
import type { JobPorts } from './ports.ts';

/** What a record in a hand-over directory stands for, judged. */
export interface LostExport {
  readonly finding: Finding;
  readonly because: string;
  /** What may be removed, the record last; undefined: nothing. */
  readonly files: readonly HandedOverFile[] | undefined;
  /** Folders with mounts, which have to go before; absent: none are known. */
  readonly folders?: readonly string[];
  /** Folders whose bands stay although the rest is removed: what the run began with them is ended. */
  readonly bands?: LostBands | undefined;
}

interface LostBands {
  readonly job: string;
  readonly paths: readonly string[];
}

export type JournalLookUp = (run: RunId) => Promise<'open' | 'closed' | 'none'>;

/**
 * Judges what lies in a hand-over directory by its manifests, planned or complete, and by drafts of them. Files without a
 * manifest belong to nobody we know and are not mentioned. Both proofs are needed: the name in the manifest bears the
 * mark of this installation, and the file system made the manifest while that run was at work, so it was not copied back later.
 */
export async function judgeLostExports(
  { arrays, images, installation, clock }: JobPorts,
  directory: string,
  { olderThanMs, journalOf }: { readonly olderThanMs: number; readonly journalOf: JournalLookUp },
  signal: AbortSignal,
): Promise<readonly LostExport[]> {
  const judged: LostExport[] = [];
  const ownArrays = arrays.map(({ id }) => id);
  for (const record of await images.records(directory, OWN_NAME_PREFIX, signal)) {
    const claim = claimOf(record);
    if (claim === undefined) continue;
    const files = [...claim.files, { path: record.name, sizeBytes: undefined }];
    const of = { directory, files: files.map(({ path }) => path) };
    const foreign = (because: string): LostExport => ({
      finding: { kind: 'foreign-export', ...of },
      because,
      files: undefined,
      folders: [],
    });
    const own: ReturnType<typeof runByMark> =
      claim.ownName === undefined
        ? { because: 'it cannot be read as a manifest' }
        : runByMark(installation, claim.ownName, ownArrays);
    if (!('run' in own) || own.run !== (claim.runId ?? own.run)) {
      judged.push(foreign('run' in own ? 'run and snapshot in it do not belong together' : own.because));
      continue;
    }
    const journal = await journalOf(own.run);
    if (journal === 'open') continue;
    const why =
      journal === 'closed'
        ? 'its run was closed on this machine: somebody put the files there later'
        : whyNotOfItsTime(installation, own.run, record.bornAtMs, 'file system');
    const proof = `no journal here, but "${record.name}" bears the mark of this installation and was made while its run was at work`;
    if (why !== undefined) judged.push(foreign(why));
    else if (isYoung(own.run, clock.now(), olderThanMs)) {
      const because = `${proof}; the run is so young that it may be at work elsewhere`;
      judged.push({ finding: { kind: 'waiting-export', runId: own.run, ...of }, because, files: undefined });
    } else {
      const finding: Finding = { kind: 'orphan-export', runId: own.run, ...of };
      judged.push({ finding, because: proof, files, folders: claim.folders, bands: bandsOf(claim) });
    }
  }
  return judged;
}

interface Claim {
  /** Undefined in a manifest that cannot be read, or that names a path outside its directory. */
  readonly ownName: string | undefined;
  /** Undefined in a draft, whose name is all there may be of it. */
  readonly runId: string | undefined;
  readonly job?: string | undefined;
  readonly images: readonly ImageShape[];
  readonly folders: readonly string[];
  /** Beside the record itself. */
  readonly files: readonly HandedOverFile[];
}

function bandsOf({ job, images }: Claim): LostBands | undefined {
  const paths = images.filter(({ format }) => format === 'bands').map(({ path }) => path);
  return job === undefined || paths.length === 0 ? undefined : { job, paths };
}

/** Undefined for files of other names, which nobody claims. */
function claimOf({ name, text }: ExportRecord): Claim | undefined {
  if (name.endsWith(DRAFT_SUFFIX)) {
    return { ownName: name.slice(0, -DRAFT_SUFFIX.length), runId: undefined, images: [], folders: [], files: [] };
  }
  if (name !== MANIFEST_NAME && name !== PLANNED_MANIFEST_NAME) return undefined;
  const note = readManifestNote(text);
  if (!note) return { ownName: undefined, runId: undefined, images: [], folders: [], files: [] };
  const signature = { path: SIGNATURE_NAME, sizeBytes: undefined };
  const small = note.files.map((path) => ({ path, sizeBytes: undefined }));
  return { ...note, files: [...note.images.flatMap(filesOfImage), ...small, signature] };
}
