import type { Lab } from '../../lab/lab.ts';
import type { LabEvent, LabSystem } from '../../lab/world/events.ts';

/** What the lab saw between the freeze request and the end of the thaw. The product's own word does not count here. */
export interface ObservedWindow {
  readonly calls: { readonly array: number; readonly vcenter: number; readonly connections: number };
  readonly lengthMs: number;
}

/** The freeze window in a stretch of the lab's log; undefined when no guest was frozen in it. */
export function observeWindow(events: readonly LabEvent[]): ObservedWindow | undefined {
  const frozen = events.findIndex(
    (event) => event.system === 'guest' && event.kind === 'effect' && event.operation === 'Freeze',
  );
  const asked = events
    .slice(0, frozen)
    .findLastIndex((event) => event.kind === 'request' && event.operation === 'Send');
  const thawed = events.findIndex(
    (event, index) => index > frozen && event.kind === 'effect' && event.operation === 'Thaw',
  );
  const [first, last] = [events[asked], events[thawed]];
  if (frozen < 0 || !first || !last) return undefined;
  const inside = events.slice(asked, thawed + 1);
  return {
    calls: {
      array: requestsOf(inside, 'array'),
      vcenter: requestsOf(inside, 'vcenter'),
      connections: inside.filter(({ kind }) => kind === 'connection').length,
    },
    lengthMs: last.atMs - first.atMs,
  };
}

export const requestsOf = (events: readonly LabEvent[], system: LabSystem): number =>
  events.filter((event) => event.system === system && event.kind === 'request').length;

/** The moment the array took the snapshot, on the lab's clock. */
export function establishMoments(events: readonly LabEvent[]): readonly number[] {
  return events
    .filter((event) => event.system === 'array' && event.kind === 'effect' && event.operation === 'establish')
    .map(({ detail, atMs }) => (typeof detail.atMs === 'number' ? detail.atMs : atMs));
}

/** Transactions the application had answered for at that moment: the newest one. */
export function acknowledgedBefore(lab: Lab, momentMs: number): number {
  const before = lab.application.acknowledgements.filter(({ atMs }) => atMs <= momentMs);
  return before.at(-1)?.transaction ?? 0;
}
