import { plannedManifestOf } from '../../../../src/job/manifest.ts';
import { newRunId, snapshotName } from '../../../../src/job/names.ts';
import { devicesOf, MANIFEST_NAME, type Plan } from '../../../../src/job/plan.ts';
import { installationMark } from '../../../../src/platform/installation-mark.ts';
import type { DeviceId } from '../../../../src/ports/identity.ts';
import { jobSpec } from '../job-spec.ts';
import { factOf } from './facts.ts';
import type { MemoryArray } from './memory-array.ts';
import { IMAGE_BYTES, idOf, jobs, must, PRESENT } from './run-of-world.ts';
import { type BuiltRun, MINUTE_MS, markOf, NOW, OUTSIDE, SiteWithRuns } from './site-with-runs.ts';
import { SOURCES, type StrangerSeed, type WorldSeed } from './world-seed.ts';

/** A site with runs of ours among the things of others. */
export class World extends SiteWithRuns {
  /** Snapshots of our form that are somebody else's: each must be told as such. */
  readonly foreign: { readonly array: string; readonly name: string; readonly source: string }[] = [];
  #nextOutside = 0;
  #nextName = 0;

  constructor(seed: WorldSeed) {
    super(seed);
    for (const one of seed.strangers) this.#addStranger(one);
    if (seed.jobAtWork !== undefined) this.site.locks.set(`job-job-${seed.jobAtWork}`, false);
    if (seed.staleLock) {
      this.site.locks.set('vm-of-a-dead-hook', true);
      this.ours.add(factOf.lock('vm-of-a-dead-hook'));
    }
    if (seed.unborn) {
      this.site.unborn.add('mb3k2j1f-x8q2zk.jsonl.1.new');
      this.ours.add('unborn mb3k2j1f-x8q2zk.jsonl.1.new');
    }
  }

  #addStranger({ array: arrayIndex, kind, source: sourceIndex, of, link, shiftMinutes }: StrangerSeed): void {
    const array = this.array(arrayIndex);
    const source = idOf(1, sourceIndex);
    const shiftMs = shiftMinutes * MINUTE_MS;
    const recentId = (ageMinutes: number) =>
      newRunId(new Date(NOW.getTime() - ageMinutes * MINUTE_MS), this.#randomText());
    const add = (name: string, createdAtMs: number, on = { array, source }, linkTo = link) => {
      const targets = new Set<DeviceId>();
      if (linkTo === 'outside') targets.add(idOf(7, this.#nextOutside++ % OUTSIDE));
      if (linkTo === 'pool') targets.add(this.takeTarget(0));
      // An array links a target once.
      if ([...targets].some((target) => on.array.linkOf(target))) targets.clear();
      this.foreign.push({ array: on.array.id, name, source: on.source });
      on.array.snapshots.push({ name, snapId: this.nextSnapId++, source: on.source, createdAtMs, targets });
    };
    const ran = this.runs[of % this.runs.length];
    const elsewhere = ran && this.#sourceWithout(ran);
    const otherId = recentId(3000);
    const atOtherId = NOW.getTime() - 3000 * MINUTE_MS + MINUTE_MS;
    const directory = must(jobs[of % 2]).exportDirectory;
    switch (kind) {
      case 'prefix':
        add(`snaphook-${this.#randomText()}`, atOtherId);
        break;
      case 'old-form':
        add(`snaphook-${otherId}`, atOtherId);
        break;
      case 'other-mark':
        add(snapshotName(otherId, installationMark('proxy02 vcenter', otherId, array.id)), atOtherId);
        break;
      case 'own-mark-other-time':
        add(snapshotName(otherId, markOf(otherId, array.id)), atOtherId + shiftMs);
        break;
      case 'own-mark-linked-outside':
        if (this.#freeOutside(array))
          add(snapshotName(otherId, markOf(otherId, array.id)), atOtherId, undefined, 'outside');
        return;
      case 'copy-at-another-time':
        if (!ran || !elsewhere) return;
        add(ran.plan.snapshotName, ran.createdAtMs + shiftMs, elsewhere);
        break;
      case 'copy-on-another-array': {
        if (!ran) return;
        const other = must(this.arrays.find(({ id }) => id !== ran.plan.arrayId));
        add(ran.plan.snapshotName, ran.createdAtMs, { array: other, source });
        break;
      }
      case 'copy-at-once':
        if (!ran?.hasSnapshots || !elsewhere) return;
        add(ran.plan.snapshotName, ran.createdAtMs, elsewhere);
        // Which of the two is ours nobody can tell without a journal.
        if (ran.seed.journal === 'lost') {
          for (const fact of ran.onArray) this.ours.delete(fact);
          this.#isKeptNoMore(ran);
        }
        return;
      case 'link-of-ours-to-outside': {
        if (!ran?.hasSnapshots) return;
        const home = must(this.arrays.find(({ id }) => id === ran.plan.arrayId));
        const outside = idOf(7, this.#nextOutside++ % OUTSIDE);
        if (home.linkOf(outside)) return;
        must(home.snapshots.find(({ snapId }) => snapId === ran.snapId)).targets.add(outside);
        for (const fact of ran.onArray) {
          if (ran.seed.journal === 'lost') this.ours.delete(fact);
          else if (this.ours.has(fact) && /^(snapshot|time)/.test(fact)) this.either.add(fact);
        }
        this.either.add(factOf.open(ran.plan.runId));
        return;
      }
      case 'presented':
        array.devices.get(idOf(7, sourceIndex))?.groups.add(PRESENT);
        return;
      case 'vm-at-address':
        if (!ran) return;
        this.site.shells.set(ran.address, (this.site.shells.get(ran.address) ?? new Set()).add('shell-of-another'));
        return;
      default:
        this.#addStrangerFiles(kind, directory, otherId, array, atOtherId + shiftMs);
    }
  }

  #isKeptNoMore({ plan }: BuiltRun): void {
    for (const one of this.kept.filter(({ run }) => run === plan.runId)) {
      this.kept.splice(this.kept.indexOf(one), 1);
      this.foreign.push(one);
    }
  }

  #addStrangerFiles(
    kind: StrangerSeed['kind'],
    directory: string,
    id: ReturnType<typeof newRunId>,
    array: MemoryArray,
    bornAtMs: number,
  ): void {
    if (this.takenDirectories.has(directory)) return;
    this.takenDirectories.add(directory);
    const mark =
      kind === 'manifest-of-another' ? installationMark('proxy02 vcenter', id, array.id) : markOf(id, array.id);
    const imagePath = 'vm/hard-disk-1.raw';
    // The manifest is made of these fields alone.
    const plan = {
      runId: id,
      arrayId: array.id,
      snapshotName: snapshotName(id, mark),
      spec: jobSpec(),
      devices: [{ imagePath, imageBytes: IMAGE_BYTES }],
      vms: [],
    };
    const text = kind === 'not-a-manifest' ? '{"images":[]}' : plannedManifestOf(plan as unknown as Plan);
    const isBare = kind === 'files-without-manifest';
    if (!isBare) this.site.files.set(`${directory}/${MANIFEST_NAME}`, { sizeBytes: text.length, bornAtMs, text });
    this.site.files.set(`${directory}/${imagePath}`, { sizeBytes: isBare ? IMAGE_BYTES + 1 : IMAGE_BYTES, bornAtMs });
  }

  /** A source of the run's array that the run did not plan. */
  #sourceWithout({ plan }: BuiltRun): { readonly array: MemoryArray; readonly source: DeviceId } | undefined {
    const array = must(this.arrays.find(({ id }) => id === plan.arrayId));
    const source = Array.from({ length: SOURCES }, (_, index) => idOf(1, index)).find(
      (id) =>
        !devicesOf(plan).includes(id) &&
        !array.snapshots.some((one) => one.source === id && one.name === plan.snapshotName),
    );
    return source && { array, source };
  }

  #freeOutside(array: MemoryArray): boolean {
    return !array.linkOf(idOf(7, this.#nextOutside % OUTSIDE));
  }

  #randomText(): string {
    return `str${String(this.#nextName++).padStart(3, '0')}`;
  }
}
