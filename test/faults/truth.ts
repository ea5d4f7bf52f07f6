import type { LabEvent } from '../../src/lab/world/events.ts';
import { LEASE_MS } from './pace.ts';

/** What really happened, from the lab's event log: the product's own words are judged by it. */

interface Hold {
  /** The guest, or one file system of it. */
  readonly thing: string;
  readonly leaseMs: number;
  readonly from: LabEvent;
  /** Undefined while it lasts. */
  readonly to: LabEvent | undefined;
}

/** What begins and ends a hold: a Windows guest holds all its volumes at once, a Linux guest each file system for itself. */
const HOLDS = [
  { begins: 'HoldWrites', ends: 'ReleaseWrites', leaseMs: LEASE_MS.windows, isHold: () => true },
  // VSS writers have phases of the same names; those of file systems tell where they are mounted.
  { begins: 'Freeze', ends: 'Thaw', leaseMs: LEASE_MS.linux, isHold: hasMountPoint },
] as const;

const thingOf = ({ object, detail }: LabEvent): string => `${object} ${detail.mountPoint ?? ''}`;

const guestEffects = (events: readonly LabEvent[]): readonly LabEvent[] =>
  events.filter(({ system, kind }) => system === 'guest' && kind === 'effect');

function hasMountPoint({ mountPoint }: LabEvent['detail']): boolean {
  return mountPoint !== undefined;
}

function holds(events: readonly LabEvent[]): readonly Hold[] {
  const effects = guestEffects(events);
  return HOLDS.flatMap(({ begins, ends, leaseMs, isHold }) =>
    effects
      .filter(({ operation, detail }) => operation === begins && isHold(detail))
      .map((from) => {
        const thing = thingOf(from);
        const to = effects.find((end) => end.seq > from.seq && end.operation === ends && thingOf(end) === thing);
        return { thing, leaseMs, from, to };
      }),
  );
}

/** The longest hold beyond its lease, in milliseconds; `nowMs` on the clock of the events. */
export function frozenBeyondMs(events: readonly LabEvent[], nowMs: number): number {
  const beyond = holds(events).map(({ from, to, leaseMs }) => (to?.atMs ?? nowMs) - from.atMs - leaseMs);
  return Math.max(0, ...beyond);
}

const establishesOf = (events: readonly LabEvent[]): readonly LabEvent[] =>
  events.filter(({ system, kind, operation }) => system === 'array' && kind === 'effect' && operation === 'establish');

/** The most establish effects any snapshot name had; a name belongs to one run. */
export function establishesPerRun(events: readonly LabEvent[]): number {
  const names = establishesOf(events).map(({ object }) => object);
  return Math.max(0, ...names.map((name) => names.filter((other) => other === name).length));
}

/** Of the array, or of vCenter for one VM on the route managed. */
const snapshotsOf = (events: readonly LabEvent[]): readonly LabEvent[] =>
  events.filter(
    ({ system, kind, operation }) =>
      kind === 'effect' &&
      ((system === 'array' && operation === 'establish') ||
        (system === 'vcenter' && operation === 'CreateSnapshot_Task')),
  );

/** How many things stood still when the first snapshot was taken: 1 is a whole Windows guest, or one file system of a Linux guest. */
export function heldAtEstablish(events: readonly LabEvent[]): number {
  const [establish] = snapshotsOf(events);
  if (!establish) return 0;
  const held = holds(events).filter(
    ({ from, to }) => from.seq < establish.seq && (to === undefined || to.seq > establish.seq),
  );
  return new Set(held.map(({ thing }) => thing)).size;
}

/** The log events of applications that dropped what a full backup holds. */
const logDrops = (events: readonly LabEvent[]): readonly LabEvent[] =>
  guestEffects(events).filter(
    ({ operation, detail }) => operation === 'BackupComplete' && detail.logsTruncated === true,
  );

/** Of the logs of applications, in words. `saidAtSeq`: the events before a post hook that was told of success; undefined: none was. */
export function logProblems(
  events: readonly LabEvent[],
  { saidAtSeq, isGood }: { readonly saidAtSeq: number | undefined; readonly isGood: boolean },
): readonly string[] {
  const drops = logDrops(events);
  return [
    ...(drops.some(({ seq }) => saidAtSeq === undefined || seq <= saidAtSeq)
      ? ['a log was dropped without success']
      : []),
    ...(drops.length > 0 && (!isGood || heldAtEstablish(events) === 0)
      ? ['a log was dropped for a snapshot that is no backup of the application']
      : []),
    ...(drops.length > 1 ? ['a log was dropped twice for one backup'] : []),
  ];
}

export const hasDroppedLog = (events: readonly LabEvent[]): boolean => logDrops(events).length > 0;

/** Was the application that scripts or plug-ins speak for quiet then? */
export function quietAtEstablish(events: readonly LabEvent[]): boolean {
  const [establish] = snapshotsOf(events);
  return establish !== undefined && isQuiet(events.filter(({ seq }) => seq < establish.seq));
}

/** Is that application quiet at the end of these events? */
export const isQuiet = (events: readonly LabEvent[]): boolean =>
  guestEffects(events).findLast(({ operation }) => operation === 'Quiesce' || operation === 'Resume')?.operation ===
  'Quiesce';
