import type { StorageArray } from '../ports/storage-array.ts';
import type { ReapedFinding } from './finding.ts';
import type { Installation } from './installation.ts';
import { type Plan, targetsOf } from './plan.ts';
import { isSameGroup } from './reused-targets.ts';

/**
 * Pool members in the presented group that are not linked and that no open run of this machine has. A run whose journal is lost may
 * have left them there, or an admin may have put them there for good: told, never touched.
 */
export async function presentedTargets(
  { jobs, clones }: Installation,
  array: StorageArray,
  open: readonly Plan[],
  signal: AbortSignal,
): Promise<readonly ReapedFinding[]> {
  const inUse = new Set(open.filter(({ arrayId }) => arrayId === array.id).flatMap(targetsOf));
  const told: ReapedFinding[] = [];
  const looked = new Set<string>();
  for (const { targetPool, presentGroup } of [...jobs, ...clones]) {
    if (presentGroup === undefined || isSameGroup(presentGroup, targetPool)) continue;
    const groups = `${targetPool} ${presentGroup}`.toLowerCase();
    if (looked.has(groups)) continue;
    looked.add(groups);
    const { pool } = await array.inventory({ identities: [], pool: targetPool }, signal);
    const left = pool.filter(
      ({ id, linkTarget, storageGroups }) =>
        !linkTarget && !inUse.has(id) && storageGroups.some((group) => isSameGroup(group, presentGroup)),
    );
    if (left.length === 0) continue;
    const devices = left.map(({ id }) => id);
    told.push({
      finding: { kind: 'presented-targets', array: array.id, storageGroup: presentGroup, devices },
      did: 'kept',
      because: 'no open run has them; whether a run left them or somebody put them there for good is not known',
    });
  }
  return told;
}
