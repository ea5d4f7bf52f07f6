import type { FreezeWay } from '../ports/guest.ts';
import type { GuestFacts } from '../ports/guest-facts.ts';
import { type EstablishForecast, seconds } from './establish-forecast.ts';
import { patienceMs } from './establish-limit.ts';

/** What a choice among several ways rests on. */
export interface ChoiceGround {
  /** Undefined: the guest was never looked at. */
  readonly facts: GuestFacts | undefined;
  /** Undefined: nothing was measured. */
  readonly forecast: EstablishForecast | undefined;
  /** Who takes the point in time. */
  readonly taker: 'array' | 'vCenter';
  /** How long the job waits for it, where it says so. */
  readonly establishMs: number | undefined;
  /** What is handed over is read out of the shadow copies a guest leaves. */
  readonly readsShadowCopies: boolean;
  /** What nothing speaks for is worse than a hold of applications alone. */
  readonly needsEveryApplication: boolean;
  /** Applications that stand still while other programs write are better than nothing for the job. */
  readonly takesApplicationsAlone: boolean;
}

export interface ChosenWay {
  readonly way: FreezeWay;
  readonly because: string;
  /** What is worse than it could be. */
  readonly warning: string | undefined;
}

/** VSS keeps Exchange's writer frozen for 20 s (Microsoft: Shadow Copy Creation for Providers); the rest is for freeze and thaw. */
const EXCHANGE_LEASE_MS = 18_000;

/**
 * How a guest is made to stand still, out of the ways that its settings leave open: of these the first that holds all writes for as
 * long as the array is expected to need, then shadow copies where somebody reads them, then the longer hold of applications alone. The
 * last two change places where nothing would speak for a named application that the job needs.
 * The facts may be out of date: where nothing that is known could do it, the first way is tried, and the guest itself tells.
 */
export function chooseWay(vm: string, ways: readonly FreezeWay[], ground: ChoiceGround): ChosenWay {
  const { facts, readsShadowCopies, takesApplicationsAlone } = ground;
  const [only, ...others] = ways;
  if (only && others.length === 0) {
    const warning = isRefused(only, ground)
      ? refusedHold(vm, only)
      : fits(only, ground)
        ? undefined
        : tooSlow(vm, only, ground);
    return { way: only, because: 'as its settings say', warning };
  }
  const helds = ways.filter(({ strategy }) => strategy === 'vss-provider' && facts?.helper !== null);
  const commit = helds.find(({ hold }) => hold === 'commit');
  const precommit = helds.find(({ hold }) => hold === 'precommit');
  const copies = ways.find(({ strategy }) => strategy === 'vss-diskshadow' && facts?.diskshadow === true);
  const speed = speedText(ground);
  if (commit && fits(commit, ground)) {
    const because = facts ? `${facts.helper} is there, and ${speed}` : `nobody has looked into the guest, and ${speed}`;
    return { way: commit, because, warning: undefined };
  }
  const read =
    copies && readsShadowCopies
      ? readCopies(copies, commit ? `${speed}, longer than Windows can hold` : noHelper(facts))
      : undefined;
  if (read && !(ground.needsEveryApplication && read.way.unspoken)) return read;
  if (precommit && takesApplicationsAlone && fits(precommit, ground)) {
    const warning = `VM "${vm}": only applications of VSS are held, as ${speed}; what no writer speaks for may change meanwhile`;
    return { way: precommit, because: `${speed}, longer than all writes can be held`, warning };
  }
  if (read) return read;
  if (commit) return { way: commit, because: 'nothing else holds for longer', warning: tooSlow(vm, commit, ground) };
  if (copies) {
    const because = noHelper(facts);
    const warning = `VM "${vm}": ${because}; what stands still is in shadow copies, which images do not show`;
    return { way: copies, because, warning };
  }
  if (!only) throw new TypeError('a guest has at least one way');
  const warning = `VM "${vm}": \`snaphook doctor\` found neither the VSS helper nor diskshadow in its guest at ${facts?.at}`;
  return { way: only, because: 'nothing else is known to be there', warning };
}

const readCopies = (way: FreezeWay, because: string): ChosenWay => ({
  way,
  because: `${because}; files are read out of shadow copies`,
  warning: undefined,
});

const noHelper = (facts: GuestFacts | undefined): string => `no helper was there at ${facts?.at}`;

/** A guest with Exchange takes no longer hold. */
const isRefused = ({ hold, leaseMs }: FreezeWay, { facts }: ChoiceGround): boolean =>
  hold === 'precommit' && facts?.exchange === true && leaseMs !== undefined && leaseMs > EXCHANGE_LEASE_MS;

const refusedHold = (vm: string, { leaseMs }: FreezeWay): string =>
  `VM "${vm}": its guest has Exchange, and will refuse a hold of ${seconds(leaseMs ?? 0)}: set holdSeconds to ${EXCHANGE_LEASE_MS / 1000} at most`;

/** Does the guest hold for as long as is expected, and is that waited for? */
function fits(way: FreezeWay, ground: ChoiceGround): boolean {
  const { forecast, establishMs } = ground;
  if (isRefused(way, ground)) return false;
  if (way.leaseMs === undefined || forecast === undefined) return true;
  return forecast.expectedMs <= Math.min(way.leaseMs, patienceMs(way.leaseMs, establishMs));
}

/** Such as `the array is expected to need 1.2 s`. */
function speedText({ forecast, taker }: ChoiceGround): string {
  const who = taker === 'array' ? 'the array' : 'a snapshot of the VM';
  return forecast ? `${who} is expected to need ${seconds(forecast.expectedMs)}` : `${who} was never measured`;
}

function tooSlow(vm: string, { leaseMs = 0 }: FreezeWay, ground: ChoiceGround): string {
  const waited = `is waited for ${seconds(patienceMs(leaseMs, ground.establishMs))}, and its guest lets go after ${seconds(leaseMs)}`;
  return `VM "${vm}": ${speedText(ground)}, but ${waited}: the snapshot will probably be "crash"`;
}
