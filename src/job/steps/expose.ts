import { SnaphookError } from '../../ports/errors.ts';
import type { DiskToExpose, ExposedAs } from '../../ports/exposures.ts';
import { doubtOf, removeHandedOver, writeManifest, writePlannedManifest } from '../handed-over.ts';
import { manifestOf } from '../manifest.ts';
import { ownNameOf, targetsOf } from '../plan.ts';
import type { ExposeResult } from '../results.ts';
import { stillOurs } from '../reused-targets.ts';
import type { Run, Step } from '../step.ts';
import { seenTargetsOf, snapshotResultOf } from '../step-results.ts';
import { requireLinks } from './link.ts';

/** Effect: a helper process shows the targets in the hand-over directory, beside a manifest that says what each is. Nothing is copied. */
export const exposeStep: Step<ExposeResult> = {
  name: 'expose',
  repeatable: false,
  settles: false,
  isLocal: true,

  async do(run, signal) {
    const { plan, ports, journal } = run;
    const { exportDirectory: directory } = plan.spec;
    await writePlannedManifest(run, signal);
    const capture = snapshotResultOf(journal.state);
    if (!capture) throw new SnaphookError('E_JOURNAL', `run "${plan.runId}" has no capture in its journal`);
    const disks = disksOf(run);
    if (disks.length === 0) throw new SnaphookError('E_EXPORT', `run "${plan.runId}" has nothing to hand over`);
    ports.reporter.info('exposing', { disks: disks.length, as: exposedAs(run) });
    const helper = await ports.exposures.expose(directory, { tag: ownNameOf(plan), as: exposedAs(run), disks }, signal);
    await requireLinks(run, signal);
    await writeManifest(
      run,
      manifestOf(run, capture, { files: [], vmFiles: [], fileSystems: undefined, checks: undefined }),
      signal,
    );
    return { helper, disks: disks.length };
  },

  async probe() {
    return { found: 'unknown' };
  },

  async undo(run, signal) {
    const { plan, ports, journal } = run;
    const { exportDirectory: directory } = plan.spec;
    const doubt = await doubtOf(run, signal);
    // A manifest can be overwritten under a live helper: its command line says whose files they are, the array whose the targets.
    const targets = doubt === undefined ? targetsOf(plan) : await stillOurs(run, targetsOf(plan), signal);
    const seen = seenTargetsOf(journal.state).filter(({ target }) => targets.includes(target));
    const exposure = {
      tag: ownNameOf(plan),
      as: exposedAs(run),
      paths: plan.devices.map(({ imagePath }) => imagePath),
      devicePaths: seen.map(({ path }) => path),
      isOurs: doubt === undefined,
    };
    for (const file of await ports.exposures.release(directory, exposure, signal))
      ports.reporter.warn('a file is not as this run made it and is left alone', { file });
    await removeHandedOver(run, doubt, signal);
  },
};

function exposedAs({ plan }: Run): ExposedAs {
  if (!plan.spec.expose) throw new TypeError('a step of exposed disks in a plan of another kind');
  return plan.spec.expose;
}

function disksOf({ plan, journal }: Run): readonly DiskToExpose[] {
  const paths = new Map(seenTargetsOf(journal.state).map(({ target, path }) => [target, path]));
  return plan.devices.map(({ target, imagePath, imageBytes: sizeBytes }) => {
    const devicePath = paths.get(target);
    if (!devicePath) throw new SnaphookError('E_PROXY_DEVICE', `target "${target}" has no path on the proxy`);
    return { path: imagePath, devicePath, sizeBytes };
  });
}
