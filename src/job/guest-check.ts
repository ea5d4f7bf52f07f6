import { type ErrorCode, SnaphookError } from '../ports/errors.ts';
import type { FreezeStrategy, FreezeWay, PreparedGuest } from '../ports/guest.ts';
import type { VmRecord } from '../ports/hypervisor.ts';
import { withinLimit } from './deadline.ts';
import { newRunId } from './names.ts';
import type { JobPorts } from './ports.ts';
import { vmLock } from './vm-locks.ts';
import { guestOf } from './vms.ts';

/**
 * What a freeze rests on, in the order in which it is found out: the guest answers, it is the one we trust, it takes our login, the
 * helper of this version runs there with the rights it needs, and what lies on the captured disks can be frozen.
 */
export const GUEST_STAGES = ['reached', 'trusted', 'login', 'helper', 'freezable'] as const;
export type GuestStage = (typeof GUEST_STAGES)[number];

export type GuestCheck =
  | { readonly kind: 'ready'; readonly prepared: PreparedGuest }
  /** `at`: the stage that failed; undefined when the error does not tell. `passed`: what is proven all the same. */
  | {
      readonly kind: 'failed';
      readonly at: GuestStage | undefined;
      readonly passed: readonly GuestStage[];
      readonly error: unknown;
    }
  /** A run works with this VM: it was left alone. */
  | { readonly kind: 'busy' };

/** A guest that needs longer would spoil a run as well. */
const PREPARE_LIMIT_MS = 60_000;
/** For one more try to end a session whose end was not confirmed. */
const END_LIMIT_MS = 15_000;

/**
 * Prepares a guest as a run would, and ends the session again: nothing is frozen, no script is run and nothing stays in the guest.
 * The VM is locked meanwhile, since Windows has one VSS snapshot set at a time. Never throws.
 */
export async function checkGuest(
  ports: JobPorts,
  vm: VmRecord,
  way: FreezeWay | undefined,
  signal: AbortSignal,
): Promise<GuestCheck> {
  try {
    const lock = await ports.locks.acquire(vmLock(vm.instanceUuid), 0, { signal });
    try {
      return await prepareAndClose(ports, vm, way, AbortSignal.any([signal, lock.lost]));
    } finally {
      await lock.release();
    }
  } catch (error) {
    return isCode(error, 'E_LOCKED') ? { kind: 'busy' } : { kind: 'failed', at: undefined, passed: [], error };
  }
}

async function prepareAndClose(
  ports: JobPorts,
  vm: VmRecord,
  way: FreezeWay | undefined,
  signal: AbortSignal,
): Promise<GuestCheck> {
  const { clock, guests } = ports;
  const named = guestOf(vm);
  const guest = guests.open(named, way);
  const opened: { session?: Readonly<Record<string, string>> } = {};
  const request = {
    runId: newRunId(clock.now(), ports.randomText()),
    diskUuids: vm.disks.flatMap(({ guestDiskUuid }) => guestDiskUuid ?? []),
    onSession: async (resume: Readonly<Record<string, string>>) => {
      opened.session = resume;
    },
  };
  const message = `guest "${vm.name}" was not ready within ${PREPARE_LIMIT_MS} ms`;
  const limit = { durationMs: PREPARE_LIMIT_MS, code: 'E_DEADLINE', message } as const;
  let result: GuestCheck;
  try {
    const prepared = await withinLimit(clock, limit, signal, (limited) => guest.prepare(request, limited));
    result = { kind: 'ready', prepared };
  } catch (error) {
    result = { kind: 'failed', error, ...judge(error, opened.session && way ? PROVEN_BY_SESSION[way.strategy] : []) };
  }
  const { session } = opened;
  const end = await guest.close();
  if (end === 'closed' || !session) return result;
  try {
    await endSession(ports, named, session);
  } catch (error) {
    if (result.kind === 'ready') return { kind: 'failed', at: undefined, passed: GUEST_STAGES, error };
  }
  return result;
}

async function endSession(
  { clock, guests }: JobPorts,
  vm: Parameters<JobPorts['guests']['closeLeftover']>[0],
  session: Readonly<Record<string, string>>,
): Promise<void> {
  const message = `the end of the session in guest "${vm.name}" was not confirmed within ${END_LIMIT_MS} ms`;
  const hint = 'Nothing is frozen. A session that nobody uses ends by itself within minutes; then check again.';
  await withinLimit(clock, { durationMs: END_LIMIT_MS, code: 'E_LEFTOVERS', message, hint }, undefined, (limited) =>
    guests.closeLeftover(vm, { resume: session, mayStandStill: false }, limited),
  );
}

const FAILED_STAGES: Readonly<Partial<Record<ErrorCode, GuestStage>>> = {
  E_GUEST_UNREACHABLE: 'reached',
  E_TLS_UNTRUSTED: 'trusted',
  E_GUEST_LOGIN: 'login',
  E_GUEST_QUOTA: 'helper',
  E_GUEST_HELPER: 'helper',
  E_WRITER_FAILED: 'freezable',
};

/** A Linux helper names the session itself, once it runs as root; the session of Windows is the remote shell it is started in. */
const PROVEN_BY_SESSION: Readonly<Record<FreezeStrategy, readonly GuestStage[]>> = {
  'linux-fsfreeze': ['reached', 'trusted', 'login', 'helper'],
  'vss-provider': ['reached', 'trusted', 'login'],
  // Nothing is brought into the guest before it has told that it can make shadow copies of the disks.
  'vss-diskshadow': ['reached', 'trusted', 'login', 'helper'],
};

/** What an error tells about the stages, together with what the session had proven before it. */
function judge(
  error: unknown,
  proven: readonly GuestStage[],
): { readonly at: GuestStage | undefined; readonly passed: readonly GuestStage[] } {
  const told = stageOf(error, proven);
  if (told === undefined || proven.includes(told)) return { at: undefined, passed: proven };
  return { at: told, passed: GUEST_STAGES.slice(0, GUEST_STAGES.indexOf(told)) };
}

function stageOf(error: unknown, proven: readonly GuestStage[]): GuestStage | undefined {
  if (!(error instanceof SnaphookError)) return undefined;
  // A helper that runs, and a guest that is refused, can only mean what it has told.
  return error.code === 'E_GUEST' && proven.includes('helper') ? 'freezable' : FAILED_STAGES[error.code];
}

const isCode = (error: unknown, code: ErrorCode): boolean => error instanceof SnaphookError && error.code === code;
