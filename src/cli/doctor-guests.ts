import type { Config } from '../config/schema.ts';
import { GUEST_STAGES, type GuestCheck, type GuestStage } from '../job/guest-check.ts';
import { factsOf, lookAtWays, type WayLook } from '../job/guest-ways.ts';
import type { JobPorts } from '../job/ports.ts';
import { connectedVms, guestOf, selectVms } from '../job/vms.ts';
import { toErrorRecord } from '../ports/errors.ts';
import type { PreparedGuest } from '../ports/guest.ts';
import type { VmRecord } from '../ports/hypervisor.ts';
import { jobSpec } from './compose.ts';
import { type GuestAccess, guestAccess } from './compose-guests.ts';
import { type Check, failed, type GuestFindings } from './doctor-check.ts';

/** So many guests are looked at at the same time: a site may have hundreds. */
const AT_ONCE = 8;

/**
 * One check for every VM that the jobs freeze, in the order of their names: the guest is prepared as a run would do it, and let
 * go. A job whose VMs are not found has one failed check in place of them.
 */
export async function checkGuests(
  config: Config,
  jobs: readonly string[],
  ports: JobPorts,
  signal: AbortSignal,
): Promise<readonly Check[]> {
  const checks: Check[] = [];
  const vms = new Map<string, VmRecord>();
  for (const name of jobs) {
    try {
      const spec = jobSpec(config, name);
      if (spec.freeze === 'none' || spec.freeze === 'vmware-tools') continue;
      const selected = connectedVms(await selectVms(ports.hypervisor, spec, signal));
      for (const vm of selected.vms) vms.set(vm.instanceUuid, vm);
    } catch (error) {
      checks.push(failed(`guests of job ${name}`, error));
    }
  }
  const guests = [...vms.values()].sort((one, other) => one.name.localeCompare(other.name));
  const found = await checkEach(guests, config, ports, signal);
  return [...checks, ...guests.flatMap((vm) => found.get(vm) ?? [])];
}

/**
 * One guest of each Windows account comes first: a password that it refuses is not tried on the others, since many refusals would
 * lock an account of the domain. Linux accounts are of one guest.
 */
async function checkEach(
  guests: readonly VmRecord[],
  config: Config,
  ports: JobPorts,
  signal: AbortSignal,
): Promise<ReadonlyMap<VmRecord, Check>> {
  const checks = new Map<VmRecord, Check>();
  const firstOf = new Map<string, VmRecord>();
  const accountOf = (vm: VmRecord) => {
    const access = accessOf(config, vm);
    return access?.os === 'windows' ? access.username.toLowerCase() : undefined;
  };
  for (const vm of guests) {
    const account = accountOf(vm);
    if (account !== undefined && vm.poweredOn && !firstOf.has(account)) firstOf.set(account, vm);
  }
  const firsts = new Set(firstOf.values());
  const check = async (vm: VmRecord) => {
    const first = firstOf.get(accountOf(vm) ?? '');
    const refused = first !== undefined && first !== vm && checks.get(first)?.error?.code === 'E_GUEST_LOGIN';
    checks.set(vm, refused ? notTried(vm, first) : await checkOne(vm, config, ports, signal));
  };
  await inTurns([...firsts], check);
  await inTurns(
    guests.filter((vm) => !firsts.has(vm)),
    check,
  );
  return checks;
}

async function inTurns<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

const nameOf = (vm: VmRecord): string => `guest ${vm.name}`;

const accessOf = ({ guests }: Config, vm: VmRecord): GuestAccess | undefined => guestAccess(guests, guestOf(vm));

async function checkOne(vm: VmRecord, config: Config, ports: JobPorts, signal: AbortSignal): Promise<Check> {
  if (!vm.poweredOn) return { name: nameOf(vm), ok: true, detail: 'powered off: not frozen, not checked' };
  const access = accessOf(config, vm);
  const looks = await lookAtWays(ports, vm, signal);
  const facts = factsOf(vm, looks, ports.clock.now());
  // What cannot be remembered is looked up again; the check itself tells what was found.
  if (facts) await ports.guestFacts.remember([facts]).catch((error: unknown) => warnOf(ports, vm, error));
  const [first, ...others] = looks;
  const shown = looks.find(({ result }) => result.kind === 'ready') ?? first;
  const check = told(vm, access, shown.result);
  const more = [first, ...others].filter((look) => look !== shown).map(otherWay);
  return { ...check, detail: [check.detail, ...more].join('; ') };
}

const warnOf = ({ reporter }: JobPorts, vm: VmRecord, error: unknown): void =>
  reporter.warn('what was found out about the guest is not remembered', { vm: vm.name, error: String(error) });

function otherWay({ way, result }: WayLook): string {
  const name = way?.strategy === 'vss-diskshadow' ? 'shadow copies by diskshadow' : 'the VSS helper';
  if (result.kind === 'failed') return `${name}: not possible, ${toErrorRecord(result.error).message}`;
  return `${name}: possible`;
}

function notTried(vm: VmRecord, first: VmRecord): Check {
  const message = `guest "${vm.name}" was not tried: guest "${first.name}" refused the same account`;
  const hint = 'Correct the account or its password first; every further refusal could lock the account.';
  return { name: nameOf(vm), ok: false, detail: message, error: { code: 'E_GUEST_LOGIN', message, hint } };
}

const WORDS: Readonly<Record<Exclude<GuestStage, 'trusted'>, string>> = {
  reached: 'reached',
  login: 'logged in',
  helper: 'helper runs',
  freezable: 'may be frozen',
};

function told(vm: VmRecord, access: GuestAccess | undefined, result: GuestCheck): Check {
  const name = nameOf(vm);
  switch (result.kind) {
    case 'busy':
      return { name, ok: true, detail: 'a run works with this VM now: not checked' };
    case 'ready': {
      const { prepared } = result;
      const where = access ? `${access.endpoint} as ${access.username}` : '';
      const trusted = access?.trustedBy === undefined ? [] : [`trusted by ${access.trustedBy}`];
      const volumes = prepared.volumes.map((volume) => volume.name).join(', ');
      const does = prepared.strategy === 'vss-diskshadow' ? 'makes shadow copies of' : 'freezes';
      const detail = [where, ...trusted, `${prepared.helper} ${rightsOf(prepared)}`, `${does} ${volumes}`].join('; ');
      return { name, ok: true, detail, guest: documentOf(access, result) };
    }
    case 'failed': {
      const failure = failed(name, result.error);
      const passed = result.passed.flatMap((stage) => wordsOf(stage, access) ?? []);
      const detail = passed.length === 0 ? failure.detail : `${passed.join(', ')}; but ${failure.detail}`;
      return { ...failure, detail, guest: documentOf(access, result) };
    }
  }
}

/** Both helpers refuse to go so far without the rights that a freeze needs. */
const rightsOf = ({ strategy }: PreparedGuest): string =>
  strategy === 'linux-fsfreeze' ? 'runs as root' : 'may take part in VSS';

const wordsOf = (stage: GuestStage, access: GuestAccess | undefined): string | undefined => {
  if (stage !== 'trusted') return WORDS[stage];
  return access?.trustedBy === undefined ? undefined : `trusted by ${access.trustedBy}`;
};

function documentOf(access: GuestAccess | undefined, result: Exclude<GuestCheck, { kind: 'busy' }>): GuestFindings {
  const prepared = result.kind === 'ready' ? result.prepared : undefined;
  const passed: readonly GuestStage[] = result.kind === 'ready' ? GUEST_STAGES : result.passed;
  return {
    endpoint: access?.endpoint ?? null,
    username: access?.username ?? null,
    trustedBy: access?.trustedBy ?? null,
    passed: passed.filter((stage) => stage !== 'trusted' || access?.trustedBy !== undefined),
    failedAt: result.kind === 'failed' ? (result.at ?? null) : null,
    strategy: prepared?.strategy ?? null,
    helper: prepared?.helper ?? null,
    volumes: prepared?.volumes.map(({ name }) => name) ?? [],
  };
}
