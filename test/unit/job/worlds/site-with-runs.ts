import type { Installation } from '../../../../src/job/installation.ts';
import { plannedManifestOf } from '../../../../src/job/manifest.ts';
import { keptSnapshotName, newRunId, snapshotName } from '../../../../src/job/names.ts';
import { devicesOf, draftNameOf, MANIFEST_NAME, PLANNED_MANIFEST_NAME, type Plan } from '../../../../src/job/plan.ts';
import { installationMark } from '../../../../src/platform/installation-mark.ts';
import { arrayId, type DeviceId } from '../../../../src/ports/identity.ts';
import { factOf, OLDER_THAN_MS } from './facts.ts';
import { MemoryArray } from './memory-array.ts';
import { MemorySite } from './memory-site.ts';
import {
  has,
  IMAGE_BYTES,
  idOf,
  isAtTheArray,
  isHandedOver,
  isPlanned,
  isStillKept,
  jobs,
  journalLines,
  must,
  PRESENT,
  type Progress,
  planOf,
  shellOf,
  wwnOf,
} from './run-of-world.ts';
import { type RunSeed, SOURCES, type WorldSeed } from './world-seed.ts';

export const MINUTE_MS = 60_000;
const SESSION_LIFE_MS = 15 * MINUTE_MS;
export const NOW = new Date('2026-11-25T12:00:00Z');
const ARRAYS = [arrayId('000197900046'), arrayId('000197900047')] as const;
const TARGETS = 24;
export const OUTSIDE = 8;

export const markOf: Installation['markOf'] = (run, array) => installationMark('proxy01 vcenter', run, array);
const installation: Installation = { name: 'proxy01 vcenter', markOf, proxyVm: undefined, jobs, clones: [] };

export interface BuiltRun {
  readonly seed: RunSeed;
  readonly plan: Plan;
  readonly snapId: number;
  readonly createdAtMs: number;
  readonly address: string;
  /** Its snapshots, links and memberships that are on the array. */
  readonly onArray: string[];
  readonly hasSnapshots: boolean;
}

/** A site with runs of ours, which knows of each thing in it whether it must go. What nobody named must stay as it is. */
export class SiteWithRuns {
  readonly site: MemorySite;
  /** Ours with both proofs, and allowed to be removed now. */
  readonly ours = new Set<string>();
  /** Ours, but in the hands of somebody else: may stay. */
  readonly either = new Set<string>();
  /** Kept snapshots: each must be told as such, and stay. */
  readonly kept: { readonly array: string; readonly name: string; readonly source: DeviceId; readonly run: string }[] =
    [];
  /** Guests that may be asked: a session of ours may still be open there. */
  readonly mayContact = new Set<string>();
  readonly #seed: WorldSeed;
  protected readonly arrays: readonly MemoryArray[];
  protected readonly runs: BuiltRun[] = [];
  protected readonly takenDirectories = new Set<string>();
  #nextTarget = 0;
  protected nextSnapId = 1000;

  constructor(seed: WorldSeed) {
    this.#seed = seed;
    this.arrays = ARRAYS.map((id) => new MemoryArray(id));
    for (const array of this.arrays) {
      const groupsOf = (kind: number, index: number) => (kind === 5 ? [`SG-pool-${index % 2}`] : []);
      for (const [kind, count] of [
        [1, SOURCES],
        [5, TARGETS],
        [7, OUTSIDE],
      ] as const) {
        for (let index = 0; index < count; index += 1) {
          const id = idOf(kind, index);
          array.devices.set(id, { wwn: wwnOf(id), groups: new Set(groupsOf(kind, index)) });
        }
      }
    }
    this.site = new MemorySite(this.arrays, installation, NOW);
    for (const one of seed.runs) this.#addRun(one);
  }

  protected array(index: number): MemoryArray {
    return must(this.arrays[index]);
  }

  #addRun(seed: RunSeed): void {
    const array = this.array(seed.array);
    const job = must(jobs[seed.job]);
    const startMs = NOW.getTime() - seed.ageMinutes * MINUTE_MS;
    const id = newRunId(new Date(startMs), `run${String(this.runs.length).padStart(3, '0')}`);
    const named = seed.keeps ? keptSnapshotName : snapshotName;
    const name = seed.oldForm ? `snaphook-${id}` : named(id, markOf(id, array.id));
    const neighbour =
      seed.journal === 'restored' && seed.reuse === 'neighbour'
        ? this.runs.find(
            (other) => isAtTheArray(other.seed) && other.seed.job === seed.job && other.seed.array === seed.array,
          )
        : undefined;
    const targets = Array.from(
      { length: seed.keeps ? 0 : seed.disks },
      (_, index) => neighbour?.plan.devices[index]?.target ?? this.takeTarget(seed.job),
    );
    const address = `10.0.0.${this.runs.length}`;
    const isRemade = seed.journal === 'restored' && seed.reuse === 'remade' && !neighbour;
    const plan = planOf({ id, name, array: array.id, job, seed, targets, address, isRemade });
    const mayExport = seed.journal === 'restored' || !this.takenDirectories.has(job.exportDirectory);
    const last = seed.keeps ? 2 : mayExport ? 6 : 5;
    const reached = Math.min(seed.reached, last);
    const progress: Progress = { reached, last: reached === seed.reached ? seed.last : 'done' };
    const isReal = isAtTheArray(seed);
    const built: BuiltRun = {
      seed,
      plan,
      snapId: this.nextSnapId++,
      createdAtMs: startMs + (seed.establishedAfterSeconds + this.#seed.clockSkewSeconds) * 1000,
      address,
      onArray: [],
      hasSnapshots: seed.journal === 'closed' ? reached >= 2 : isReal && has(progress, 2),
    };
    this.runs.push(built);
    if (built.hasSnapshots) this.#establish(built);
    if (isReal) this.#putEffects(built, progress);
    if (seed.journal === 'restored' && !neighbour) this.#reuseTargets(built);
    if (seed.journal !== 'lost') this.#writeJournal(built, progress, startMs);
    this.#expect(built, progress);
  }

  #establish({ plan, snapId, createdAtMs, onArray }: BuiltRun): void {
    const array = must(this.arrays.find(({ id }) => id === plan.arrayId));
    for (const device of devicesOf(plan)) {
      array.snapshots.push({ name: plan.snapshotName, snapId, source: device, createdAtMs, targets: new Set() });
      onArray.push(
        factOf.snapshot(array.id, device, plan.snapshotName, snapId),
        `time of ${snapId} on ${device}: ${createdAtMs}`,
      );
    }
  }

  #putEffects({ plan, snapId, onArray, createdAtMs }: BuiltRun, progress: Progress): void {
    const array = must(this.arrays.find(({ id }) => id === plan.arrayId));
    if (has(progress, 3)) {
      for (const { device, target } of plan.devices) {
        must(array.snapshots.find((one) => one.snapId === snapId && one.source === device)).targets.add(target);
        onArray.push(factOf.link(array.id, target, plan.snapshotName, snapId));
      }
    }
    if (has(progress, 4) && plan.spec.presentGroup !== undefined) {
      for (const { target } of plan.devices) {
        array.devices.get(target)?.groups.add(plan.spec.presentGroup);
        onArray.push(factOf.member(array.id, plan.spec.presentGroup, target));
      }
    }
    if (progress.reached < 6) return;
    const directory = plan.spec.exportDirectory;
    this.takenDirectories.add(directory);
    const put = (file: string, sizeBytes: number, text?: string) =>
      this.site.files.set(`${directory}/${file}`, {
        sizeBytes,
        bornAtMs: createdAtMs,
        ...(text === undefined ? {} : { text }),
      });
    const manifest = plannedManifestOf(plan);
    if (progress.last === 'not-happened') {
      put(draftNameOf(plan), 3, '{"s');
      return;
    }
    put(progress.last === 'done' ? MANIFEST_NAME : PLANNED_MANIFEST_NAME, manifest.length, manifest);
    for (const [index, { imagePath }] of plan.devices.entries()) {
      const isPartial = progress.last === 'happened' && index > 0;
      put(isPartial ? `${imagePath}.partial` : imagePath, isPartial ? IMAGE_BYTES / 2 : IMAGE_BYTES);
    }
  }

  /** What became of the targets of a run that ended long ago and whose journal came back. */
  #reuseTargets({ seed, plan }: BuiltRun): void {
    const array = must(this.arrays.find(({ id }) => id === plan.arrayId));
    if (seed.reuse === 'free' || seed.reuse === 'neighbour') return;
    for (const { device, target } of plan.devices) {
      const groups = must(array.devices.get(target)).groups;
      groups.add(PRESENT);
      if (seed.reuse === 'moved') groups.delete(plan.spec.targetPool);
      if (seed.reuse !== 'stranger') continue;
      const snapId = this.nextSnapId++;
      array.snapshots.push({
        name: 'nightly',
        snapId,
        source: device,
        createdAtMs: NOW.getTime(),
        targets: new Set([target]),
      });
    }
  }

  #writeJournal({ seed, plan, snapId, address }: BuiltRun, progress: Progress, startMs: number): void {
    const lines = journalLines(seed, plan, snapId, progress).map((line, index) => ({
      ...line,
      seq: index + 1,
      at: new Date(startMs + index).toISOString(),
    }));
    this.site.journals.set(plan.runId, {
      job: plan.spec.name,
      lines,
      folder: folderOf(seed, progress),
    });
    const { reached, last } = progress;
    const isSessionOpen = reached === 1 || (reached === 2 && last !== 'done');
    const ageMs = NOW.getTime() - startMs;
    if (!isSessionOpen || ageMs >= SESSION_LIFE_MS) return;
    this.mayContact.add(address);
    if (seed.journal === 'open') this.site.shells.set(address, new Set([shellOf(plan)]));
  }

  #expect({ seed, plan, onArray, address }: BuiltRun, progress: Progress): void {
    const { reached } = progress;
    const go = (...facts: readonly string[]) => {
      for (const fact of facts) this.ours.add(fact);
    };
    const files = () =>
      [...this.site.files.keys()]
        .filter((path) => path.startsWith(`${plan.spec.exportDirectory}/`))
        .flatMap((path) => [factOf.file(path), `size of ${path}: ${must(this.site.files.get(path)).sizeBytes}`]);
    const isLostKept = seed.journal === 'lost' && seed.keeps && !seed.oldForm;
    if (onArray.length > 0 && (isLostKept || isStillKept(seed, progress))) {
      this.kept.push(
        ...devicesOf(plan).map((source) => ({ array: plan.arrayId, name: plan.snapshotName, source, run: plan.runId })),
      );
      return;
    }
    const isAtWork = this.#seed.jobAtWork === seed.job;
    const isWaiting = isHandedOver(seed, progress);
    if (seed.journal === 'closed') {
      if (isPlanned(progress)) go(...onArray);
    } else if (seed.journal === 'lost') {
      if (seed.oldForm || seed.ageMinutes * MINUTE_MS < OLDER_THAN_MS) return;
      go(...onArray, ...(reached === 6 ? files() : []));
    } else if (!isAtWork && (!isWaiting || this.#seed.includeWaiting)) {
      go(factOf.open(plan.runId));
      if (seed.journal === 'restored') return;
      go(...onArray, ...(reached === 6 ? files() : []), factOf.shell(address, shellOf(plan)));
    }
  }

  protected takeTarget(pool: number): DeviceId {
    const index = this.#nextTarget++;
    return idOf(5, (index * 2 + pool) % TARGETS);
  }
}

function folderOf(seed: RunSeed, progress: Progress): 'open' | 'kept' | 'closed' {
  if (seed.journal !== 'closed') return 'open';
  return isStillKept(seed, progress) ? 'kept' : 'closed';
}
