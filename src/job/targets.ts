import { SnaphookError } from '../ports/errors.ts';
import type { DeviceId } from '../ports/identity.ts';
import type { Device } from '../ports/storage-array.ts';
import type { JobSpec } from './job-spec.ts';
import { isSameGroup } from './reused-targets.ts';
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
  /** The target each source had last time: taken again where it is free. */
  readonly preferred: ReadonlyMap<DeviceId, DeviceId>;
}

/**
 * One target for each source, in order. A target comes from the designated pool, has exactly the source's cylinders and emulation,
 * is neither source nor target of any session, is not planned by another run, is not replicated, and is seen by no host but the proxy.
 * Errors: `E_TARGET_NONE`, `E_TARGET_UNFIT`.
 */
export function chooseTargets(choice: TargetChoice): readonly ChosenTarget[] {
  const matched = matchTargets(choice);
  return choice.sources.map((source, index) => {
    const target = matched[index];
    if (!target) throw noTarget(source, choice);
    return target;
  });
}

/** Result i is the target of source i; undefined: the pool has none for it. */
export function matchTargets(choice: TargetChoice): readonly (ChosenTarget | undefined)[] {
  const { sources, spec, preferred } = choice;
  const free = freeDevices(choice).filter((device) => whyUnseenByProxyAlone(device, spec) === undefined);
  const taken = new Set<DeviceId>();
  const take = (device: Device | undefined) => {
    if (device) taken.add(device.id);
    return device;
  };
  const fits = ({ device: source }: SourceDevice, target: Device) => !taken.has(target.id) && isLike(target, source);
  const again = sources.map((source) =>
    take(free.find((target) => target.id === preferred.get(source.device.id) && fits(source, target))),
  );
  return sources.map((source, index) => {
    const device = again[index] ?? take(free.find((target) => fits(source, target)));
    return device && { device, presentNeeded: presentNeeded(device, spec) };
  });
}

/** Is the device free and like the source? Who sees it, and what other runs have planned, is not looked at. */
export const isFittingTarget = (target: Device, source: Device): boolean =>
  isFree(target) && target.id !== source.id && isLike(target, source);

/**
 * Could the pool serve the sources once Unisphere's view has caught up? It may still show links and snapshots of a run
 * that ended a moment ago.
 */
export function mayBecomeFree({ sources, pool }: Pick<TargetChoice, 'sources' | 'pool'>): boolean {
  return sources.every(({ device: source }) => pool.some((target) => isLike(target, source)));
}

/** Hosts other than the proxy that see the device. A view whose host is unknown counts as foreign. */
export const foreignHosts = (device: Device, spec: JobSpec): readonly string[] =>
  device.maskingViews
    .filter(({ host }) => host?.toLowerCase() !== spec.proxyHost.toLowerCase())
    .map(({ id, host }) => host ?? `view ${id}`);

/** Nobody uses it for anything else. What is written to a device of SRDF goes to another array too. */
const isFree = ({ linkTarget, snapshotSource, type }: Device): boolean =>
  !linkTarget && !snapshotSource && !type.includes('RDF');

const isLike = (target: Device, source: Device): boolean =>
  target.cylinders === source.cylinders && target.emulation === source.emulation;

function freeDevices({ sources, pool, reserved }: TargetChoice): readonly Device[] {
  const sourceIds = new Set(sources.map(({ device }) => device.id));
  return pool.filter((device) => isFree(device) && !reserved.has(device.id) && !sourceIds.has(device.id));
}

/** Undefined: the proxy sees it, or will when it is presented, and nobody else does. */
function whyUnseenByProxyAlone(device: Device, spec: JobSpec): string | undefined {
  const foreign = foreignHosts(device, spec);
  if (foreign.length > 0) return `is visible to "${foreign.join('", "')}", not only to "${spec.proxyHost}"`;
  const isShown = device.maskingViews.length > 0 || spec.presentGroup !== undefined;
  return isShown ? undefined : `is masked to nobody, so that "${spec.proxyHost}" will not see it`;
}

// Group names are case-preserving and compared without case.
const presentNeeded = (target: Device, { presentGroup }: JobSpec): boolean =>
  presentGroup !== undefined && !target.storageGroups.some((group) => isSameGroup(group, presentGroup));

function noTarget({ device: source }: SourceDevice, choice: TargetChoice): SnaphookError {
  const { pool, spec } = choice;
  const free = freeDevices(choice);
  const unfit = free.flatMap((device) => {
    const why = isLike(device, source) ? whyUnseenByProxyAlone(device, spec) : undefined;
    return why === undefined ? [] : [{ id: device.id, why, isForeign: foreignHosts(device, spec).length > 0 }];
  })[0];
  if (unfit) {
    return new SnaphookError('E_TARGET_UNFIT', `target "${unfit.id}" of pool "${spec.targetPool}" ${unfit.why}`, {
      hint: unfit.isForeign
        ? 'A link overwrites the target under the eyes of every host that sees it. Take the device out of the other masking view.'
        : `Mask storage group "${spec.targetPool}" to the proxy, or name a presentGroup that is.`,
    });
  }
  const sizes = [...new Set(pool.map(({ cylinders }) => cylinders))].sort((a, b) => a - b).join(', ');
  const message =
    pool.length === 0
      ? `pool "${spec.targetPool}" holds no device, or is no storage group of the array`
      : `pool "${spec.targetPool}" has no free target of ${source.cylinders} cylinders for source "${source.id}" (${free.length} of ${pool.length} free; sizes: ${sizes})`;
  return new SnaphookError('E_TARGET_NONE', message, {
    hint: `Add devices of exactly ${source.cylinders} cylinders to storage group "${spec.targetPool}", allow \`createTargets\`, or run \`snaphook reap\` if old runs hold targets.`,
  });
}
