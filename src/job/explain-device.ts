import { type ErrorRecord, SnaphookError, toErrorRecord } from '../ports/errors.ts';
import type { ArrayId, DeviceId, Wwn } from '../ports/identity.ts';
import type { Device, DeviceInventory, FoundBy, Presentation, StorageArray } from '../ports/storage-array.ts';
import type { FoundDevice } from './identity.ts';
import { OWN_NAME_PREFIX } from './names.ts';
import { bytesOfCylinders } from './plan.ts';
import type { JobPorts } from './ports.ts';
import { orProblem } from './problems.ts';
import { isFittingTarget } from './targets.ts';

export interface DeviceFacts {
  readonly array: ArrayId;
  readonly id: DeviceId;
  readonly effectiveWwn: Wwn;
  readonly wwn: Wwn | undefined;
  readonly identifier: string | undefined;
  readonly sizeBytes: number;
  readonly cylinders: number;
  readonly emulation: string;
  readonly type: string;
  readonly storageGroups: readonly string[];
}

export interface ExplainedTarget {
  readonly id: DeviceId;
  readonly effectiveWwn: Wwn | undefined;
  readonly storageGroups: readonly string[];
  readonly defined: boolean;
  readonly presentations: readonly Presentation[];
  /** Where the proxy sees it; undefined: it does not. */
  readonly proxyPath: string | undefined;
}

/** A snapshot of ours on a device. */
export interface ExplainedSnapshot {
  readonly name: string;
  readonly snapId: number | undefined;
  readonly createdAt: string | undefined;
  readonly targets: readonly ExplainedTarget[];
}

/** The one device behind an identity, and everything around it. */
export interface ExplainedDevice extends DeviceFacts {
  readonly foundBy: FoundBy;
  readonly presentations: readonly Presentation[];
  readonly snapshots: readonly ExplainedSnapshot[];
  /** How many devices of each pool of the configuration could be its target now. */
  readonly pools: readonly {
    readonly pool: string;
    readonly jobs: readonly string[];
    readonly fitting: number;
    readonly members: number;
  }[];
}

/** Where a run of some job takes its targets from. */
export interface TargetPool {
  readonly targetPool: string;
  readonly jobs: readonly string[];
  /** Those of the jobs that may make targets in it. */
  readonly creators: readonly string[];
}

export interface Surroundings {
  readonly ports: JobPorts;
  readonly targetPools: readonly TargetPool[];
  /** Members of each pool, by array. */
  readonly members: ReadonlyMap<ArrayId, ReadonlyMap<string, DeviceInventory['pool']>>;
  readonly signal: AbortSignal;
}

export function factsOf({ id: array }: Pick<StorageArray, 'id'>, device: Device): DeviceFacts {
  const { id, effectiveWwn, wwn, identifier, cylinders, emulation, type, storageGroups } = device;
  const sizeBytes = bytesOfCylinders(cylinders);
  return { array, id, effectiveWwn, wwn, identifier, sizeBytes, cylinders, emulation, type, storageGroups };
}

export async function explainDevice(
  around: Surroundings,
  { answer: { array }, device, foundBy }: FoundDevice,
  { problems, notes }: { readonly problems: ErrorRecord[]; readonly notes: string[] },
): Promise<ExplainedDevice> {
  const { ports, signal } = around;
  const presentations = await orProblem(problems, [], signal, async () => {
    const [found = []] = await array.presentations([device.id], signal);
    return found;
  });
  const snapshots = await orProblem(problems, [], signal, () => snapshotsOn(around, array, device.id));
  await orProblem(problems, undefined, signal, async () => {
    const [seen] = await ports.proxy.visible([device.effectiveWwn], signal);
    if (seen !== undefined) {
      throw new SnaphookError(
        'E_PROXY_DEVICE',
        `the proxy sees source device "${device.id}" itself, not only targets`,
        {
          hint: 'A proxy that sees the production device may write to it. Take it out of the masking view of the proxy.',
        },
      );
    }
  });
  const members = around.members.get(array.id);
  const pools = around.targetPools.map(({ targetPool, jobs }) => {
    const pool = members?.get(targetPool) ?? [];
    const fitting = pool.filter((target) => isFittingTarget(target, device)).length;
    return { pool: targetPool, jobs, fitting, members: pool.length };
  });
  if (pools.length > 0 && pools.every(({ fitting }) => fitting === 0)) {
    const none = `no pool has a free target of ${device.cylinders} cylinders for source "${device.id}"`;
    const hint = `Add devices of exactly ${device.cylinders} cylinders to a pool, or run \`snaphook reap\` if old runs hold targets.`;
    const held = snapshots.flatMap(({ targets }) => targets).length;
    const creators = around.targetPools.flatMap((pool) => pool.creators);
    if (creators.length > 0) notes.push(`${none}: a run of ${creators.join(', ')} may make one`);
    else if (held > 0) notes.push(`${none}: a run of ours that is open holds ${held}`);
    else problems.push(toErrorRecord(new SnaphookError('E_TARGET_NONE', none, { hint })));
  }
  return { ...factsOf(array, device), foundBy, presentations, snapshots, pools };
}

async function snapshotsOn(
  { ports, signal }: Surroundings,
  array: StorageArray,
  source: DeviceId,
): Promise<readonly ExplainedSnapshot[]> {
  const listed = await array.listSnapshots({ namePrefix: OWN_NAME_PREFIX }, signal);
  const names = new Set(listed.filter((snapshot) => snapshot.source === source).map(({ name }) => name));
  const snapshots: ExplainedSnapshot[] = [];
  for (const name of names) {
    for (const one of await array.findSnapshots({ name, devices: [source] }, signal)) {
      const ids = one.linkedTargets.map(({ target }) => target);
      const [states, shown] = await Promise.all([array.inspect(ids, signal), array.presentations(ids, signal)]);
      const wwns = states.flatMap((state) => state?.effectiveWwn ?? []);
      const paths = await ports.proxy.paths(wwns, signal);
      snapshots.push({
        name,
        snapId: one.snapId,
        createdAt: one.createdAtMs === undefined ? undefined : new Date(one.createdAtMs).toISOString(),
        targets: one.linkedTargets.map(({ target, defined }, index) => {
          const effectiveWwn = states[index]?.effectiveWwn;
          return {
            id: target,
            effectiveWwn,
            storageGroups: states[index]?.storageGroups ?? [],
            defined,
            presentations: shown[index] ?? [],
            proxyPath: effectiveWwn && paths.get(effectiveWwn),
          };
        }),
      });
    }
  }
  return snapshots;
}
