import { type Grade, gradeOf, type WindowTimes } from '../../src/job/grade.ts';
import type { FreezeEvidence, PreparedGuest, ThawVerdict } from '../../src/ports/guest.ts';
import type { GradeHistory } from './grade-history.ts';
import { marginOf, type TrueHold, trueGrade } from './oracle.ts';
import { drawArray } from './point-histories.ts';
import { Random } from './random.ts';
import { drawShadowHistory } from './shadow-histories.ts';
import { linuxEvidence, windowsEvidence } from './simulators/guest-evidence.ts';
import { applicationTruths, drawScripts } from './simulators/guest-scripts.ts';
import { drawWriters } from './simulators/writers.ts';

export interface HistoryCounts {
  readonly histories: number;
  readonly overGraded: number;
  /** The product could not know better, or was more careful than it had to be. */
  readonly lowerThanTruth: number;
  readonly printed: Readonly<Record<Grade, number>>;
  /** The first histories that were printed as better than they are, to look at. */
  readonly examples: readonly GradeHistory[];
}

const LEASE_MS = 9000;
const EXAMPLE_COUNT = 3;

/** Draws histories and compares the product's grade with the truth. */
export function compareGrades(seed: number, histories: number): HistoryCounts {
  const random = new Random(seed);
  const printed: Record<Grade, number> = { application: 0, filesystem: 0, crash: 0, unknown: 0 };
  const examples: GradeHistory[] = [];
  let overGraded = 0;
  let lowerThanTruth = 0;
  for (let count = 0; count < histories; count += 1) {
    const history = drawHistory(random);
    const { grade } = gradeOf(history.seen);
    const margin = marginOf(trueGrade(history.truth), grade);
    printed[grade] += 1;
    if (margin > 0) lowerThanTruth += 1;
    if (margin >= 0) continue;
    overGraded += 1;
    if (examples.length < EXAMPLE_COUNT) examples.push(history);
  }
  return { histories, overGraded, lowerThanTruth, printed, examples };
}

export function drawHistory(random: Random): GradeHistory {
  // Half of the histories have little trouble: the good grades must be reached as well.
  const trouble = random.pick([0.02, 0.02, 0.1, 0.3]);
  const disks = Array.from({ length: random.whole(1, 3) }, (_, index) =>
    random.chance(0.03 * trouble * 10) ? undefined : `6000c29${index}`.padEnd(32, '0'),
  );
  if (random.chance(0.2)) return drawShadowHistory(random, trouble, disks);
  const window = drawWindow(random, trouble);
  const array = drawArray(random, trouble, window.establishedAtMs);
  const known = disks.filter((disk) => disk !== undefined);
  const held = random.chance(trouble / 3) ? known.slice(1) : known;
  const guest = random.chance(0.5) ? drawWindowsGuest(random, trouble, held) : drawLinuxGuest(random, trouble, held);
  const hasOtherWriters = random.chance(trouble / 3);
  const hold = window.hold && { ...window.hold, ...guest.truth };
  const managed = random.chance(0.3) ? drawVmSnapshot(random, trouble, disks, window) : undefined;
  const holds = [...(hold ? [hold] : []), ...(managed?.holds ?? [])];
  return {
    truth: { pointsOfDevices: managed?.points ?? array.points, holds, diskUuids: disks, hasOtherWriters },
    seen: {
      times: window.times,
      guest: window.isAsked
        ? { prepared: guest.prepared, freeze: seenFreeze(random, trouble, window, guest) }
        : undefined,
      devices: managed ? [] : array.devices,
      snapshots: managed ? [] : array.seen,
      ...(managed ? { vmSnapshot: managed.seen } : {}),
      capturedDiskUuids: disks,
      sharedDisks: hasOtherWriters ? ['Hard disk 1'] : [],
      heldBackDisks: [],
      layoutDoubts: [],
    },
  };
}

/** One kind of guest during one freeze. */
interface DrawnGuest {
  /** FIFREEZE writes back before it answers; a set of VSS may fail at it. */
  readonly truth: Pick<TrueHold, 'guest' | 'diskUuids' | 'applications'> & { readonly flushed?: true };
  readonly prepared: PreparedGuest;
  frozen(verdict: ThawVerdict, endedBy: Window['endedBy'], flushed: boolean): FreezeEvidence;
}

function drawWindowsGuest(random: Random, trouble: number, held: readonly string[]): DrawnGuest {
  const writers = drawWriters(random, trouble / 2);
  const spoken = random.chance(0.4) ? drawSpoken(random, trouble) : { scripts: [], required: [] };
  return {
    truth: {
      guest: 'vss-provider',
      diskUuids: held,
      applications: [
        ...writers.map(({ before, quiesced }) => ({ required: before.required, quiesced })),
        ...applicationTruths(spoken.scripts, spoken.required),
      ],
    },
    prepared: windowsEvidence.prepared(writers, held, LEASE_MS, spoken),
    frozen: (verdict, endedBy, flushed) =>
      windowsEvidence.frozen(writers, verdict, endedBy === 'ours' && flushed, spoken.scripts),
  };
}

/** Scripts, and the applications that the settings name. A script that failed would have failed the preparation. */
function drawSpoken(random: Random, trouble: number) {
  const applications = random.chance(0.85) ? ['postgresql', 'mysql'].slice(random.whole(0, 1)) : [];
  const scripts = drawScripts(random, applications, trouble / 2).filter(({ freezeExit }) => freezeExit === 0);
  return { scripts, required: random.chance(0.9) ? applications : [] };
}

/** One file system a disk; some disks hold swap only, and on some something goes on changing. */
function drawLinuxGuest(random: Random, trouble: number, shown: readonly string[]): DrawnGuest {
  const swapDisks = shown.filter((_, index) => index > 0 && random.chance(0.1));
  const disks = shown.filter((disk) => !swapDisks.includes(disk));
  const fileSystems = disks.map((disk, index) => ({ mountPoint: `/${index}`, diskUuids: [disk], isFreezable: true }));
  const changing = disks.filter(() => random.chance(trouble / 6));
  const notFreezable = changing.map((disk) => ({ mountPoint: `/fat-${disk}`, diskUuids: [disk], isFreezable: false }));
  const { scripts, required } = drawSpoken(random, trouble);
  return {
    truth: {
      guest: 'linux-fsfreeze',
      flushed: true,
      diskUuids: shown.filter((disk) => !changing.includes(disk)),
      applications: applicationTruths(scripts, required),
    },
    prepared: linuxEvidence.prepared({ fileSystems, notFreezable, swapDisks, scripts, required, leaseMs: LEASE_MS }),
    frozen(verdict, endedBy) {
      const lost = endedBy === 'other' ? random.whole(0, fileSystems.length) : -1;
      const seen = fileSystems.map(({ mountPoint: name }, index) => ({
        name,
        frozen: true,
        heldToTheEnd: endedBy === 'ours' && index !== lost,
      }));
      const reason = endedBy === 'ours' ? 'released' : endedBy === 'lease' ? 'lease' : 'foreign';
      return linuxEvidence.frozen(scripts, seen, verdict, reason);
    },
  };
}

interface Window {
  readonly isAsked: boolean;
  readonly times: WindowTimes;
  readonly establishedAtMs: number;
  readonly hold: Pick<TrueHold, 'fromMs' | 'untilMs' | 'flushed'> | undefined;
  /** Who ended the hold. */
  readonly endedBy: 'ours' | 'lease' | 'other';
}

/** The guest's own time line, the array's, and what the client noted of both on its clock. */
function drawWindow(random: Random, trouble: number): Window {
  const isAsked = random.chance(0.95);
  const requestedMs = random.between(0, 1000);
  const frozenMs = requestedMs + random.latency(300, 20_000);
  const isFrozen = isAsked && !random.chance(trouble / 3);
  const heardMs = frozenMs + random.latency(40, 3000);
  const isHeard = isFrozen && !random.chance(trouble / 4);
  const sentMs = (isHeard ? heardMs : requestedMs + random.between(0, 3000)) + random.between(0, 2);
  const arrivedMs = sentMs + random.latency(300, 14_000, trouble);
  const answeredMs = arrivedMs + random.latency(200, 9000, trouble);
  const isConfirmed = !random.chance(trouble / 2) && answeredMs - sentMs <= 8000;
  // A release leaves when the answer came, when its time was over, or when something else called the run off.
  const calledOffMs = random.chance(trouble / 3) ? sentMs + random.between(0, 4000) : Number.POSITIVE_INFINITY;
  const releaseMs = Math.min(isConfirmed ? answeredMs + random.between(0, 2) : sentMs + 8000, calledOffMs);
  const arrivesMs = releaseMs + random.latency(40, 5000, trouble);
  const leaseMs = frozenMs + LEASE_MS + random.between(0, 200);
  const otherMs = random.chance(trouble / 3) ? frozenMs + random.between(0, LEASE_MS) : Number.POSITIVE_INFINITY;
  const untilMs = Math.min(arrivesMs, leaseMs, otherMs);
  const endedBy = untilMs === arrivesMs ? 'ours' : untilMs === leaseMs ? 'lease' : 'other';
  const flushed = endedBy === 'ours' ? !random.chance(trouble / 3) : random.chance(0.5);
  return {
    isAsked,
    times: {
      freezeRequestedMs: requestedMs,
      frozenMs: isHeard ? heardMs : undefined,
      establishSentMs: sentMs,
      establishConfirmedMs: isConfirmed && answeredMs <= calledOffMs ? answeredMs : undefined,
      thawSentMs: releaseMs,
      thawedMs: untilMs + random.between(0, 200),
    },
    establishedAtMs: arrivedMs,
    hold: isFrozen ? { fromMs: frozenMs, untilMs: Math.max(untilMs, frozenMs), flushed } : undefined,
    endedBy,
  };
}

/** Answers get lost; a guest never says that we released it when we did not. */
function seenFreeze(
  random: Random,
  trouble: number,
  { hold, endedBy }: Window,
  guest: DrawnGuest,
): FreezeEvidence | undefined {
  if (!hold || random.chance(trouble / 3)) return undefined;
  const heldMs = (hold.untilMs ?? 0) - hold.fromMs;
  const isTold = endedBy === 'ours' && !random.chance(trouble / 3);
  const verdict: ThawVerdict = { kind: isTold ? 'released' : 'expired', heldMs };
  return guest.frozen(verdict, endedBy, hold.flushed);
}

/** A snapshot of vSphere: mostly one with all disks in it; else a second of the name, or without a disk. Tools hold where nobody of ours does. */
function drawVmSnapshot(
  random: Random,
  trouble: number,
  disks: readonly (string | undefined)[],
  { isAsked, establishedAtMs: atMs }: Window,
) {
  const isTwice = random.chance(trouble / 8);
  const isPart = disks.map(() => !random.chance(trouble / 8));
  const own = { snapId: 1, atMs };
  const other = { snapId: 2, atMs: atMs + random.between(1, 4000) };
  const held: TrueHold = {
    guest: 'vmware-tools',
    fromMs: atMs - 1,
    untilMs: atMs + 1,
    flushed: true,
    diskUuids: disks.filter((disk) => disk !== undefined),
    applications: [],
  };
  const isHeld = !isAsked && random.chance(0.7);
  return {
    points: isPart.map((part) => (part ? (isTwice ? [own, other] : [own]) : [])),
    holds: isHeld ? [held] : [],
    seen: {
      count: isTwice ? 2 : 1,
      diskUuids: disks.filter((_, index) => isPart[index]),
      quiescedByTools: isHeld && !random.chance(trouble / 4),
    },
  };
}
