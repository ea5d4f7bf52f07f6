import type { LabEvent } from '../../src/lab/world/events.ts';
import { type DiskWrites, watchWrites } from './disk-writes.ts';
import { REMOTE_SYSTEMS, type RemoteSystem } from './fault-kinds.ts';
import type { FaultSite } from './fault-site.ts';

export type Hook = 'pre' | 'post';

/** One thing a hook does that can go wrong: the nth call of an operation, or the nth write to one kind of file. */
export interface RunStep {
  readonly hook: Hook;
  readonly system: RemoteSystem | 'disk';
  readonly operation: string;
  /** 1 is the first of this operation in this hook. */
  readonly nth: number;
}

/** The steps of one clean run, as the lab saw them: a call that is new in the product is covered without a word here. */
export async function recordSteps(site: FaultSite): Promise<readonly RunStep[]> {
  const record = async (hook: Hook, work: () => Promise<unknown>): Promise<readonly RunStep[]> => {
    const { events } = site.lab;
    const seq = events.events.at(-1)?.seq ?? 0;
    const writes = watchWrites(site.lab.directory);
    try {
      await work();
    } finally {
      writes.end();
    }
    return [...remoteSteps(hook, events.since(seq)), ...diskSteps(hook, writes)];
  };
  const pre = await record('pre', () => site.calmPre());
  const post = await record('post', () => site.post());
  return [...pre, ...post];
}

function remoteSteps(hook: Hook, events: readonly LabEvent[]): readonly RunStep[] {
  const seen = new Map<string, number>();
  return events.flatMap(({ kind, system, operation }) => {
    const remote = REMOTE_SYSTEMS.find((name) => name === system);
    if (kind !== 'request' || remote === undefined) return [];
    const nth = (seen.get(`${system} ${operation}`) ?? 0) + 1;
    seen.set(`${system} ${operation}`, nth);
    return [{ hook, system: remote, operation, nth }];
  });
}

function diskSteps(hook: Hook, writes: DiskWrites): readonly RunStep[] {
  return [...writes.counts].flatMap(([operation, count]) =>
    Array.from({ length: count }, (_, index) => ({ hook, system: 'disk' as const, operation, nth: index + 1 })),
  );
}

export const nameOfStep = ({ hook, system, operation, nth }: RunStep): string =>
  `${hook} ${system} ${operation} #${nth}`;
