import { type ErrorCode, SnaphookError } from '../ports/errors.ts';
import type { FreezeWay } from '../ports/guest.ts';
import type { GuestFacts } from '../ports/guest-facts.ts';
import type { VmRecord } from '../ports/hypervisor.ts';
import { checkGuest, type GuestCheck } from './guest-check.ts';
import type { JobPorts } from './ports.ts';
import { guestOf } from './vms.ts';

/** One of the ways that the settings of a guest leave open, and what came of preparing it. */
export interface WayLook {
  /** Undefined: there are no settings. */
  readonly way: FreezeWay | undefined;
  readonly result: GuestCheck;
}

/**
 * Prepares the guest in each of its ways, one of each strategy, and lets it go each time. After an answer that is not about the way (a
 * refused login, a guest that is not reached, a run at work) no other is tried. Never throws.
 */
export async function lookAtWays(
  ports: JobPorts,
  vm: VmRecord,
  signal: AbortSignal,
): Promise<readonly [WayLook, ...WayLook[]]> {
  const all = ports.guests.waysFor(guestOf(vm));
  const [first, ...others] = all.filter(
    ({ strategy }, index) => all.findIndex((other) => other.strategy === strategy) === index,
  );
  const looks: [WayLook, ...WayLook[]] = [{ way: first, result: await checkGuest(ports, vm, first, signal) }];
  for (const way of others) {
    const { result } = looks[looks.length - 1] ?? looks[0];
    if (!isAboutWay(result)) break;
    looks.push({ way, result: await checkGuest(ports, vm, way, signal) });
  }
  return looks;
}

/** What says that this guest cannot be frozen in this way; everything else says nothing about it. */
const ABOUT_WAY: readonly ErrorCode[] = ['E_GUEST_HELPER', 'E_GUEST', 'E_WRITER_FAILED', 'E_CONFIG'];

const isAboutWay = (result: GuestCheck): boolean =>
  result.kind === 'ready' || (result.kind === 'failed' && isOneOf(result.error, ABOUT_WAY));

const isOneOf = (error: unknown, codes: readonly ErrorCode[]): boolean =>
  error instanceof SnaphookError && codes.includes(error.code);

/** Microsoft Exchange Writer. */
const EXCHANGE_WRITER = '76fe1ac4-15f7-4bcd-987e-8e1acb462fb7';

/** What the looks say of a Windows guest for later choices; undefined where they say nothing. */
export function factsOf(vm: VmRecord, looks: readonly WayLook[], at: Date): GuestFacts | undefined {
  const provider = looks.find(({ way }) => way?.strategy === 'vss-provider')?.result;
  if (!provider || !isAboutWay(provider)) return undefined;
  const prepared = provider.kind === 'ready' ? provider.prepared : undefined;
  const isMissing = provider.kind === 'failed' && isOneOf(provider.error, ['E_GUEST_HELPER']);
  // A helper that is there and finds something wrong with the guest names itself another time.
  if (!prepared && !isMissing) return undefined;
  const copies = looks.find(({ way }) => way?.strategy === 'vss-diskshadow')?.result;
  return {
    vm: vm.instanceUuid,
    helper: prepared?.helper ?? null,
    diskshadow: copies && isAboutWay(copies) ? copies.kind === 'ready' : null,
    exchange:
      prepared?.strategy === 'vss-provider' ? prepared.writersBefore.some(({ id }) => id === EXCHANGE_WRITER) : null,
    at: at.toISOString(),
  };
}

/**
 * The helper was just brought into a guest, or taken out (null): what is known of it for later choices follows. A guest that was never looked
 * at stays so, since it is taken to have one. That it cannot be remembered is told, and no error.
 */
export async function rememberHelper(
  { clock, guestFacts, reporter }: Pick<JobPorts, 'clock' | 'guestFacts' | 'reporter'>,
  { instanceUuid, name }: VmRecord,
  helper: string | null,
): Promise<void> {
  try {
    const known = (await guestFacts.recall()).get(instanceUuid);
    if (known) await guestFacts.remember([{ ...known, helper, at: clock.now().toISOString() }]);
  } catch (error) {
    const told = 'that its helper has changed is not remembered of the guest: run `snaphook doctor`';
    reporter.warn(told, { vm: name, error: String(error) });
  }
}
