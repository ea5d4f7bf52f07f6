import { SnaphookError } from '../ports/errors.ts';
import type { FreezeWay } from '../ports/guest.ts';
import type { GuestFacts } from '../ports/guest-facts.ts';
import type { VmRecord } from '../ports/hypervisor.ts';
import type { InstanceUuid } from '../ports/identity.ts';
import type { ArrayFacts } from '../ports/storage-array.ts';
import { chooseWay } from './choose-way.ts';
import { type EstablishForecast, forecastOf } from './establish-forecast.ts';
import { takerOf } from './establish-speed.ts';
import type { JobSpec } from './job-spec.ts';
import type { PlannedVm, Route } from './plan.ts';
import type { JobPorts } from './ports.ts';
import { storageText } from './storage-kinds.ts';
import { guestOf } from './vms.ts';

type FreezeWish = Pick<JobSpec, 'freeze' | 'limits' | 'grade' | 'onLowerGrade' | 'files' | 'keep' | 'clone' | 'revert'>;

/** How a VM is frozen, as its plan has it. */
export type Freeze = Pick<PlannedVm, 'freeze' | 'hold' | 'leaseMs' | 'backupType' | 'freezeBecause'>;

/** For the result of a run: what was chosen, and why, where there was a choice. */
export const frozenBy = ({ freeze: strategy, hold, freezeBecause: because }: Freeze) => ({
  strategy,
  ...(hold && { hold }),
  ...(because !== undefined && { because }),
});

/** What the choice among several ways rests on. */
export interface FreezeGround {
  readonly facts: ReadonlyMap<InstanceUuid, GuestFacts>;
  /** Undefined where nobody is frozen, or nothing was ever measured. */
  readonly forecast: EstablishForecast | undefined;
  readonly route: Pick<Route, 'name'>;
}

/**
 * What is known of guests and of who takes the point in time, for a snapshot of so many devices (of a VM: disks), where a guest may be
 * frozen at all. Errors: `E_JOURNAL`.
 */
export async function freezeGround(
  { establishTimes, guestFacts }: Pick<JobPorts, 'establishTimes' | 'guestFacts'>,
  { freeze }: Pick<JobSpec, 'freeze'>,
  array: Pick<ArrayFacts, 'arrayId' | 'snapVxApi'>,
  { route, devices }: { readonly route: Route; readonly devices: number },
): Promise<FreezeGround> {
  if (freeze === 'none' || freeze === 'vmware-tools') return { facts: new Map(), forecast: undefined, route };
  const by = route.name === 'managed' ? 'vm-snapshot' : takerOf(array);
  const times = await establishTimes.recall({ array: array.arrayId, by });
  return { facts: await guestFacts.recall(), forecast: forecastOf(times, devices), route };
}

/**
 * How the guest is frozen; what is worse than it could be goes to `warnings`. Errors: `E_CONFIG` when the guest has no settings, or others
 * than the job asks for, or such as can never lead to the grade it asks for.
 */
export function freezeOf(
  guests: JobPorts['guests'],
  vm: VmRecord,
  spec: FreezeWish,
  ground: FreezeGround,
  warnings: string[],
): Freeze {
  const { freeze } = spec;
  if (freeze === 'none' || !vm.poweredOn) return { freeze: 'none' };
  if (freeze === 'vmware-tools') return { freeze };
  const open = guests.waysFor(guestOf(vm));
  if (open.length === 0) throw noSettings(vm);
  const ways = freeze === 'auto' ? open : open.filter(({ strategy }) => strategy === freeze);
  if (ways.length === 0) throw otherSettings(vm, open, freeze);
  // Files are read out of shadow copies wherever a guest left some.
  const readsShadowCopies = spec.files !== undefined && !spec.keep && !spec.clone && !spec.revert;
  const takesApplicationsAlone = spec.grade !== 'filesystem' || spec.onLowerGrade === 'degrade';
  const { way, because, warning } = chooseWay(vm.name, ways, {
    facts: ground.facts.get(vm.instanceUuid),
    forecast: ground.forecast,
    taker: ground.route.name === 'managed' ? 'vCenter' : 'array',
    establishMs: spec.limits.establishMs,
    readsShadowCopies,
    needsEveryApplication: spec.grade === 'application',
    takesApplicationsAlone,
  });
  if (way.strategy === 'vss-diskshadow' && !readsShadowCopies) requireLowerGrade(vm, spec);
  if (way.unspoken) checkUnspoken(vm, way.unspoken, spec, warnings);
  if (way.hold === 'precommit' && !takesApplicationsAlone) throw applicationsAlone(vm);
  if (warning !== undefined) warnings.push(warning);
  return {
    freeze: way.strategy,
    ...(way.hold && { hold: way.hold }),
    ...(way.backupType && { backupType: way.backupType }),
    ...(way.leaseMs !== undefined && { leaseMs: way.leaseMs }),
    ...(ways.length > 1 && { freezeBecause: `${because}; ${storageText(vm, ground.route)}` }),
  };
}

/** The helper alone runs scripts and plug-ins. */
function checkUnspoken(
  { name }: VmRecord,
  unspoken: readonly string[],
  { grade, onLowerGrade }: FreezeWish,
  warnings: string[],
): void {
  if (grade !== 'application') return;
  const named = unspoken.map((application) => `"${application}"`).join(', ');
  const why = `nothing can speak for ${named} when the guest is frozen by "vss-diskshadow"`;
  if (onLowerGrade === 'degrade') {
    warnings.push(`VM "${name}": ${why}: the grade is "filesystem" at best`);
    return;
  }
  throw new SnaphookError('E_CONFIG', `guest "${name}" cannot reach grade "application": ${why}`, {
    hint:
      'Install the VSS helper in the guest (`snaphook guest install`), which runs scripts and plug-ins, and run `snaphook doctor`; or set ' +
      '`onLowerGrade: degrade` for the job, or take the names out of `applications`.',
  });
}

function noSettings(vm: VmRecord): SnaphookError {
  return new SnaphookError('E_CONFIG', `guest "${vm.name}" cannot be frozen: there are no settings for it`, {
    hint:
      guestOf(vm).address === undefined
        ? 'vCenter knows no address of the guest: start VMware Tools in it, or give `address` under `guests:`; `guestOperations` needs none.'
        : 'Add it under `guests:` with `winrm`, `ssh` or `guestOperations`, or set `freeze: none` for the job.',
  });
}

function otherSettings({ name }: VmRecord, open: readonly FreezeWay[], freeze: JobSpec['freeze']): SnaphookError {
  const setUp = [...new Set(open.map(({ strategy }) => `"${strategy}"`))].join(' or ');
  return new SnaphookError('E_CONFIG', `guest "${name}" is set up for ${setUp}, and the job asks for "${freeze}"`, {
    hint: 'Set `freeze: auto` for the job, or correct the settings of the guest under `guests:`.',
  });
}

const applicationsAlone = ({ name }: VmRecord): SnaphookError =>
  new SnaphookError(
    'E_CONFIG',
    `guest "${name}" is held by "hold: precommit", which holds applications alone and never reaches "filesystem"`,
    {
      hint: 'Set `hold: commit` or `auto` for the guest, or ask for `grade: application`, which says that file systems were not held.',
    },
  );

/** What stood still is in shadow copies inside the volumes: who reads these themselves gets what the guest wrote meanwhile. */
function requireLowerGrade({ name }: VmRecord, { grade, onLowerGrade }: FreezeWish): void {
  if (grade === 'crash' || onLowerGrade === 'degrade') return;
  throw new SnaphookError(
    'E_CONFIG',
    `guest "${name}" is frozen by "vss-diskshadow", which images of its disks show as "crash" and not as "${grade}"`,
    {
      hint:
        'Hand over files (`handOver: files`): they are read out of the shadow copies. Or take the lower grade with ' +
        '`onLowerGrade: degrade`, or install the VSS helper in the guest (`snaphook guest install`) and leave `strategy` at auto.',
    },
  );
}
