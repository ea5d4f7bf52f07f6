import { SnaphookError } from '../ports/errors.ts';
import type { Device } from '../ports/storage-array.ts';
import type { JobSpec } from './job-spec.ts';
import type { SourceDevice } from './sources.ts';

export interface ChosenTarget {
  readonly device: Device;
  readonly presentNeeded: boolean;
}

export interface TargetChoice {
  readonly sources: readonly SourceDevice[];
  readonly pool: readonly Device[];
  readonly spec: JobSpec;
  readonly reserved: ReadonlySet<string>;
}

/**
 * One target for each source, in order. A target comes from the designated pool, has exactly the source's cylinders and emulation,
 * is neither source nor target of any session, is not planned by another run, and is seen by no host but the proxy.
 */
export function chooseTargets({ sources, pool, spec, reserved }: TargetChoice): readonly ChosenTarget[] {
  const sourceIds = new Set(sources.map(({ device }) => device.id));
  const free = pool.filter(
    (device) => !device.linkTarget && !device.snapshotSource && !reserved.has(device.id) && !sourceIds.has(device.id),
  );
  const taken = new Set<string>();
  return sources.map(({ device: source }) => {
    const fits = (target: Device) =>
      !taken.has(target.id) && target.cylinders === source.cylinders && target.emulation === source.emulation;
    const alone = free.find((target) => fits(target) && foreignHosts(target, spec).length === 0);
    if (!alone) throw noTarget(source, free.filter(fits), free.length, pool, spec);
    taken.add(alone.id);
    return { device: alone, presentNeeded: presentNeeded(alone, spec) };
  });
}

/** Is the device free and like the source? Who sees it, and what other runs have planned, is not looked at. */
export const isFittingTarget = (target: Device, source: Device): boolean =>
  !target.linkTarget &&
  !target.snapshotSource &&
  target.id !== source.id &&
  target.cylinders === source.cylinders &&
  target.emulation === source.emulation;

/**
 * Could the pool serve the sources once Unisphere's view has caught up? It may still show links and snapshots of a run
 * that ended a moment ago.
 */
export function mayBecomeFree({ sources, pool }: Pick<TargetChoice, 'sources' | 'pool'>): boolean {
  return sources.every(({ device: source }) =>
    pool.some((target) => target.cylinders === source.cylinders && target.emulation === source.emulation),
  );
}

/** Hosts other than the proxy that see the device. A view whose host is unknown counts as foreign. */
const foreignHosts = (device: Device, spec: JobSpec): readonly string[] =>
  device.maskingViews
    .filter(({ host }) => host?.toLowerCase() !== spec.proxyHost.toLowerCase())
    .map(({ id, host }) => host ?? `view ${id}`);

function presentNeeded(target: Device, { presentGroup }: JobSpec): boolean {
  // Group names are case-preserving and compared without case.
  return (
    presentGroup !== undefined &&
    !target.storageGroups.some((group) => group.toLowerCase() === presentGroup.toLowerCase())
  );
}

function noTarget(
  source: Device,
  fitting: readonly Device[],
  freeCount: number,
  pool: readonly Device[],
  spec: JobSpec,
): SnaphookError {
  const masked = fitting[0];
  if (masked) {
    return new SnaphookError(
      'E_TARGET_UNFIT',
      `target "${masked.id}" of pool "${spec.targetPool}" is visible to "${foreignHosts(masked, spec).join('", "')}", not only to "${spec.proxyHost}"`,
      {
        hint: 'A link overwrites the target under the eyes of every host that sees it. Take the device out of the other masking view.',
      },
    );
  }
  const sizes = [...new Set(pool.map(({ cylinders }) => cylinders))].sort((a, b) => a - b).join(', ');
  const message =
    pool.length === 0
      ? `pool "${spec.targetPool}" holds no device, or is no storage group of the array`
      : `pool "${spec.targetPool}" has no free target of ${source.cylinders} cylinders for source "${source.id}" (${freeCount} of ${pool.length} free; sizes: ${sizes})`;
  return new SnaphookError('E_TARGET_NONE', message, {
    hint: `Add devices of exactly ${source.cylinders} cylinders to storage group "${spec.targetPool}", or run \`snaphook reap\` if old runs hold targets.`,
  });
}
