import { SnaphookError } from '../ports/errors.ts';
import type { RunId } from '../ports/identity.ts';
import type { HandedOverFile } from '../ports/images.ts';
import { addedDisks } from './added-disks.ts';
import { settleBands } from './bands.ts';
import { isPresentClone } from './clones.ts';
import { creationText } from './create-targets.ts';
import { withinLimit } from './deadline.ts';
import type { Finding, ReapedFinding } from './finding.ts';
import { longestMs } from './installation.ts';
import { jobLock } from './job-turn.ts';
import { lostClones } from './lost-clones.ts';
import { judgeLostExports } from './lost-exports.ts';
import { judgeLostVmSnapshots } from './lost-vm-snapshots.ts';
import { isReadNoMore } from './members.ts';
import { orNotLookedAt } from './not-looked-at.ts';
import { openPlansOf } from './open-plans.ts';
import type { JobPorts } from './ports.ts';
import { presentedTargets } from './presented-targets.ts';
import { reapArray, reapGroups } from './reap-array.ts';
import { ARRAY_IS_GONE, attempt, type ReapRequest, readable, reapJudged } from './reaping.ts';
import { cleanUpRun, loadRun } from './run-record.ts';

/**
 * Finds what runs left behind, and with `apply` removes what is provably ours: with a journal by name and plan, without one by
 * the mark in the name and the time its keeper tells (docs/decisions/ownership.md). Everything else is told and left alone.
 */
export async function reap(
  ports: JobPorts,
  request: ReapRequest,
  signal: AbortSignal,
): Promise<readonly ReapedFinding[]> {
  const ofThisMachine = await reapLocksAndUnborn(ports, request);
  const open = await ports.journals.openRuns();
  const openPlans = await openPlansOf(ports);
  const openIds = new Set(open.map(({ runId }) => runId));
  const reaped: ReapedFinding[] = [];
  const look = async (what: string, work: () => Promise<readonly ReapedFinding[]>) =>
    reaped.push(...(await orNotLookedAt(what, signal, work)));
  const presented: ReapedFinding[] = [];
  for (const array of ports.arrays) {
    const work = () => presentedTargets(ports.installation, array, openPlans, signal);
    presented.push(...(await orNotLookedAt(`presented targets of array ${array.id}`, signal, work)));
  }
  for (const { runId, job } of open) {
    await look(`run ${runId} of job ${job}`, async () => [await reapRun(ports, request, runId, job)]);
  }
  // Before the arrays: a target must not be taken away while something of it is mounted.
  for (const directory of new Set(ports.installation.jobs.map(({ exportDirectory }) => exportDirectory))) {
    await look(`directory ${directory}`, () => reapDirectoryInTime(ports, request, directory, signal));
  }
  const held = new Set([...openIds, ...reaped.flatMap(runOfFailedExport)]);
  for (const array of ports.arrays) {
    await look(`array ${array.id}`, () => reapArray(ports, request, array, held, signal));
    await look(`snapshot groups of array ${array.id}`, () => reapGroups(ports, request, array, held, signal));
  }
  await look('VM snapshots in vCenter', () => reapVmSnapshots(ports, request, openIds, signal));
  await look('disks of the proxy VM', () => addedDisks(ports, openPlans, signal));
  await look('clones in vCenter', () => lostClones(ports, openIds, signal));
  return [...reaped, ...presented, ...ofThisMachine];
}

/** What could not be removed may still be mounted, and holds its snapshot as an open run does. */
const runOfFailedExport = ({ finding, did }: ReapedFinding): readonly string[] =>
  finding.kind === 'orphan-export' && did === 'failed' ? [finding.runId] : [];

async function reapLocksAndUnborn(ports: JobPorts, { apply }: ReapRequest): Promise<readonly ReapedFinding[]> {
  const stale = (await ports.locks.list()).filter(({ abandoned }) => abandoned);
  const unborn = await ports.journals.unborn();
  if (apply) {
    await ports.locks.sweep();
    await ports.journals.sweep();
  }
  const told = (finding: Finding): ReapedFinding => ({
    finding,
    did: apply ? 'removed' : 'found',
    because: 'the process of this machine that made it is gone',
  });
  return [
    ...stale.map(({ name }) => told({ kind: 'stale-lock', name })),
    ...unborn.map((name) => told({ kind: 'unborn-journal', name })),
  ];
}

async function reapRun(ports: JobPorts, request: ReapRequest, runId: string, job: string): Promise<ReapedFinding> {
  const running = { finding: { kind: 'running', runId, job }, did: 'kept', because: 'its job is at work now' } as const;
  if (!request.apply) {
    const held = await ports.locks.list();
    const isAtWork = held.some(({ name, abandoned }) => name === jobLock(job) && !abandoned);
    return isAtWork ? running : judgeRun(ports, request, runId, job);
  }
  const lock = await ports.locks.acquire(jobLock(job), 0).catch((error: unknown) => {
    if (error instanceof SnaphookError && error.code === 'E_LOCKED') return undefined;
    throw error;
  });
  if (!lock) return running;
  try {
    const judged = await judgeRun(ports, request, runId, job);
    if (judged.did !== 'found') return judged;
    return await attempt(judged, () => cleanUpRun(ports, runId, 'recovered', { lock }));
  } finally {
    await lock.release();
  }
}

async function judgeRun(ports: JobPorts, request: ReapRequest, runId: string, job: string): Promise<ReapedFinding> {
  const loaded = await readable(() => loadRun(ports, runId));
  if (loaded instanceof SnaphookError) {
    const because = 'its journal cannot be read: what it holds only a person can say';
    return { finding: { kind: 'unreadable-run', runId, job }, did: 'kept', because, error: loaded.message };
  }
  const { handedOverAt, releasing, creation, plan } = loaded.journal.state;
  const isOver = isReadNoMore(loaded.journal.state, ports.clock.now());
  if (handedOverAt === undefined || releasing || isOver) {
    return {
      finding: { kind: 'crashed-run', runId, job },
      did: 'found',
      because: [
        isOver ? 'all calls that read it have ended' : 'its journal is open and nobody works on it',
        ...(creation ? [creationText(creation)] : []),
        ...(plan?.revert ? ['it is a revert, which is brought to its end where the array has begun it'] : []),
      ].join('; '),
    };
  }
  const since = handedOverAt.toISOString();
  if (isPresentClone(loaded.journal.state)) {
    const because = 'it is a clone; `snaphook clone` lists and deletes it';
    return { finding: { kind: 'waiting-clone', runId, job, since }, did: 'kept', because };
  }
  const finding: Finding = { kind: 'waiting-run', runId, job, since };
  return request.includeWaiting
    ? { finding, did: 'found', because: 'its journal is open; runs that wait for their post hook are asked for' }
    : { finding, did: 'kept', because: 'it waits for its post hook' };
}

async function reapVmSnapshots(
  ports: JobPorts,
  request: ReapRequest,
  openIds: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<readonly ReapedFinding[]> {
  const runOf = async (id: RunId) => {
    if (openIds.has(id)) return 'open';
    const loaded = await readable(() => loadRun(ports, id));
    if (loaded instanceof SnaphookError) return loaded.code === 'E_JOURNAL' ? 'none' : { because: ARRAY_IS_GONE };
    // A run without an outcome began after the open ones were listed.
    return loaded.journal.state.outcome === undefined ? 'open' : (loaded.run ?? 'none');
  };
  const reaped: ReapedFinding[] = [];
  for (const judged of await judgeLostVmSnapshots(ports, { ...request, runOf }, signal)) {
    reaped.push(await reapJudged(request, judged, signal));
  }
  return reaped;
}

/** A directory of a file server that is gone never answers. */
function reapDirectoryInTime(
  ports: JobPorts,
  request: ReapRequest,
  directory: string,
  parent: AbortSignal,
): Promise<readonly ReapedFinding[]> {
  const durationMs = longestMs(ports.installation, 'undoMs');
  const message = `directory "${directory}" did not answer within ${durationMs} ms`;
  return withinLimit(ports.clock, { durationMs, code: 'E_EXPORT', message }, parent, (signal) =>
    reapDirectory(ports, request, directory, signal),
  );
}

async function reapDirectory(
  ports: JobPorts,
  request: ReapRequest,
  directory: string,
  signal: AbortSignal,
): Promise<readonly ReapedFinding[]> {
  const journalOf = async (id: RunId) => {
    if ((await ports.journals.openRuns()).some(({ runId }) => runId === id)) return 'open';
    const loaded = await readable(() => loadRun(ports, id));
    return loaded instanceof SnaphookError && loaded.code === 'E_JOURNAL' ? 'none' : 'closed';
  };
  const reaped: ReapedFinding[] = [];
  const judged = await judgeLostExports(ports, directory, { ...request, journalOf }, signal);
  for (const { finding, because, files, folders = [], exposed, bands } of judged) {
    const remove =
      files &&
      (async (limited: AbortSignal) => {
        const disks = folders.map((folder) => ({ folder, devicePaths: undefined }));
        if (disks.length > 0) await ports.fileSystems.release(directory, disks, limited);
        if (exposed)
          await ports.exposures.release(directory, { ...exposed, devicePaths: undefined, isOurs: true }, limited);
        if (bands) await settleBands(ports, directory, bands.paths, bands.job, limited);
        await removeFiles(ports, directory, files, limited);
      });
    reaped.push(await reapJudged(request, { finding, because, remove }, signal));
  }
  return reaped;
}

async function removeFiles(
  ports: JobPorts,
  directory: string,
  files: readonly HandedOverFile[],
  signal: AbortSignal,
): Promise<void> {
  const left = await ports.images.remove(directory, files, signal);
  // A file that is not as the manifest says is not ours any more: told, and no failure.
  for (const { path, why } of left) {
    ports.reporter.warn('a file is not as the manifest says and is left alone', { directory, file: path, why });
  }
}
