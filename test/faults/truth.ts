import type { LabEvent } from '../../src/lab/world/events.ts';

/** What really happened, from the lab's event log: the product's own words are judged by it. */

/** Stretches in which a guest held its writes; `endMs` is undefined while it still does. */
function holds(events: readonly LabEvent[]): readonly { readonly from: LabEvent; readonly to: LabEvent | undefined }[] {
  const guest = events.filter(({ system, kind }) => system === 'guest' && kind === 'effect');
  return guest
    .filter(({ operation }) => operation === 'HoldWrites')
    .map((from) => ({ from, to: guest.find(({ seq, operation }) => seq > from.seq && operation === 'ReleaseWrites') }));
}

/** The longest hold beyond the lease, in milliseconds; `nowMs` on the clock of the events. */
export function frozenBeyondMs(events: readonly LabEvent[], leaseMs: number, nowMs: number): number {
  const beyond = holds(events).map(({ from, to }) => (to?.atMs ?? nowMs) - from.atMs - leaseMs);
  return Math.max(0, ...beyond);
}

const establishesOf = (events: readonly LabEvent[]): readonly LabEvent[] =>
  events.filter(({ system, kind, operation }) => system === 'array' && kind === 'effect' && operation === 'establish');

/** The most establish effects any snapshot name had; a name belongs to one run. */
export function establishesPerRun(events: readonly LabEvent[]): number {
  const names = establishesOf(events).map(({ object }) => object);
  return Math.max(0, ...names.map((name) => names.filter((other) => other === name).length));
}

/** Was the first snapshot taken while the guest held its writes? */
export function heldAtEstablish(events: readonly LabEvent[]): boolean {
  const [establish] = establishesOf(events);
  if (!establish) return false;
  return holds(events).some(({ from, to }) => from.seq < establish.seq && (to === undefined || to.seq > establish.seq));
}
