import { lstatSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { loadConfig } from '../config/load.ts';
import type { JobContext } from '../job/job-spec.ts';
import { readJournal } from '../job/open-plans.ts';
import { MANIFEST_NAME, SIGNATURE_NAME } from '../job/plan.ts';
import { isOtherRun } from '../job/product-run.ts';
import { systemClock } from '../platform/clock.ts';
import { createFileJournals } from '../platform/file-journals.ts';
import { SnaphookError } from '../ports/errors.ts';
import { filesOfImage } from '../ports/images.ts';
import type { VerbResult } from './console.ts';
import { EXIT } from './exit-codes.ts';
import { type Manifest, manifestSchema } from './manifest-schema.ts';
import { readText } from './manifest-signature.ts';
import { jsonDocument } from './render/json.ts';

interface HandedOverRun {
  readonly runId: string;
  readonly directory: string;
}

/**
 * The absolute paths of what the job's open run handed over, one a line: a product that gets a list backs up what is in it, and takes an
 * empty one for success. Errors: `E_NO_RUN` when nothing is handed over, or it is of another run of the product, or is being released; `E_EXPORT` when
 * something of it is not there any more.
 */
export async function listVerb(configFile: string, context: JobContext): Promise<VerbResult> {
  const { runId, directory } = await handedOverRun(configFile, context);
  const manifestFile = path.join(directory, MANIFEST_NAME);
  const manifest = readManifest(await readText(manifestFile, 'manifest', 'E_VERIFY'));
  if (manifest?.run.id !== runId) throw gone(runId, manifestFile, 'it is of another run');
  const paths = pathsOf(manifest).map((name) => path.join(directory, name));
  if (paths.length === 0) throw gone(runId, directory, 'nothing of it is a file here');
  const mounted = new Set(mountedIn(manifest).map((name) => path.join(directory, name)));
  for (const place of paths) requireThere(runId, place, mounted.has(place));
  const beside = [manifestFile, path.join(directory, SIGNATURE_NAME)].filter(isThere);
  const lines = [...paths, ...beside];
  return {
    document: jsonDocument('list', { ok: true, runId, paths: lines }),
    text: lines.map((line) => `${line}\n`).join(''),
    exitCode: EXIT.ok,
  };
}

async function handedOverRun(configFile: string, context: JobContext): Promise<HandedOverRun> {
  const { stateDirectory } = loadConfig(configFile);
  const ports = { journals: createFileJournals(path.join(stateDirectory, 'runs')), clock: systemClock };
  for (const { runId } of await ports.journals.openRuns(context.job)) {
    const { state } = await readJournal(ports, runId);
    // Of a run whose release has begun anything may be gone in the next moment.
    if (!state.handedOverAt || !state.plan || state.releasing || isOtherRun(state.context, context)) continue;
    return { runId, directory: state.plan.spec.exportDirectory };
  }
  throw new SnaphookError('E_NO_RUN', `job "${context.job}" has handed nothing over to this run of the product`, {
    hint: 'The pre hook has to run, and to succeed, before the product asks for the list.',
  });
}

function readManifest(text: string): Manifest | undefined {
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Relative to the hand-over directory. */
function pathsOf(manifest: Manifest): readonly string[] {
  const exposed = manifest.exposed?.as === 'fuse' ? manifest.exposed.disks : [];
  const images = manifest.images.flatMap((image) =>
    image.format === 'bands' ? [image] : filesOfImage({ ...image, format: image.format }),
  );
  return [...mountedIn(manifest), ...[...exposed, ...images, ...(manifest.files ?? [])].map(({ path: name }) => name)];
}

const mountedIn = ({ fileSystems = [] }: Manifest): readonly string[] =>
  fileSystems.flatMap((volume) => (volume.state === 'mounted' ? (volume.path ?? []) : []));

/** A mount point whose mount is gone is an empty folder. */
function requireThere(runId: string, place: string, isMounted: boolean): void {
  let isEmpty: boolean;
  try {
    const stats = lstatSync(place);
    isEmpty = stats.isDirectory() ? readdirSync(place).length === 0 : stats.size === 0;
    if (isMounted && stats.dev === lstatSync(path.dirname(place)).dev)
      throw gone(runId, place, 'nothing is mounted there');
  } catch (cause) {
    if (cause instanceof SnaphookError) throw cause;
    throw gone(runId, place, 'it is not there', cause);
  }
  if (isEmpty) throw gone(runId, place, 'it is empty');
}

const isThere = (file: string): boolean => lstatSync(file, { throwIfNoEntry: false }) !== undefined;

const gone = (runId: string, place: string, why: string, cause?: unknown) =>
  new SnaphookError('E_EXPORT', `"${place}", handed over by run "${runId}", cannot be listed: ${why}`, {
    cause,
    hint: 'Do not back it up. The post hook ends the run; the next pre hook hands over anew.',
  });
