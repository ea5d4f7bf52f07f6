import { SnaphookError } from '../../ports/errors.ts';
import type { Guest, GuestApplication, PreparedGuest } from '../../ports/guest.ts';
import { firstWords } from '../first-words.ts';
import { scriptRuns } from '../helper-scripts.ts';
import { quietApplications } from '../quiet-applications.ts';
import type { HelperScript } from '../script-protocol.ts';
import { type FreezePlan, planFreeze } from './file-systems.ts';
import { FREEZE_HELPER_PROTOCOL, type HelperMount } from './freeze-helper-protocol.ts';
import { type GuestContext, helperNeverSpoke, wrongProtocol } from './guest-errors.ts';
import type { SessionRecord } from './helper-channel.ts';
import type { EventOf } from './helper-facts.ts';
import { commandLine, octalPath } from './helper-lines.ts';
import { type SessionParts, troubleSince } from './session-parts.ts';

/** Of the guest's administrator. */
const PLUG_INS_FOLDER = '/etc/snaphook/plug-ins.d';

type Request = Parameters<Guest['prepare']>[0];
type PossiblePlan = Extract<FreezePlan, { kind: 'possible' }>;
type LinuxPreparedGuest = Extract<PreparedGuest, { strategy: 'linux-fsfreeze' }>;

/** A guest that was looked at: what is to be frozen in it, and what is told of it. */
export interface InspectedGuest {
  readonly plan: PossiblePlan;
  readonly prepared: LinuxPreparedGuest;
}

/**
 * Starts the helper, finds what has to stand still for the captured disks, and refuses what cannot end in a consistent
 * snapshot. `onRecord` is called before anything stands still or is told to.
 */
export async function inspectGuest(
  parts: SessionParts,
  request: Request,
  onRecord: (record: SessionRecord) => void,
  signal: AbortSignal,
): Promise<InspectedGuest> {
  const { context, channel } = parts;
  await channel.start(context, request.onSession, signal);
  const hello = await helloOf(parts, signal);
  if (hello.protocol !== FREEZE_HELPER_PROTOCOL) throw wrongProtocol(context, hello);
  const record = { bootId: hello.bootId, token: hello.token };
  onRecord(record);
  await request.onSession({ ...channel.resume, ...record });
  signal.throwIfAborted();
  channel.send(commandLine('facts'));
  const facts = await answer(parts, 'facts', signal);
  const plan = possiblePlan(context, planFreeze(facts, request.diskUuids));
  requireMovingFolder(context, facts.mounts, plan);
  const prepared = {
    strategy: 'linux-fsfreeze' as const,
    helper: hello.helper,
    volumes: plan.fileSystems.map(({ mountPoint: name, diskUuids }) => ({ name, diskUuids })),
    leaseMs: context.settings.leaseMs,
    swapDisks: plan.swapDisks,
    notFreezable: plan.notFreezable,
    applications: applicationsOf(context.settings.applications, [], plan),
    scripts: [],
  };
  return { plan, prepared };
}

/** Lets the helper check what is to be frozen and run the scripts. The guest ends the session when no freeze comes in `lifeMs`. */
export async function quietGuest(
  parts: SessionParts,
  { plan, prepared }: InspectedGuest,
  lifeMs: number,
  signal: AbortSignal,
): Promise<LinuxPreparedGuest> {
  const { context, channel } = parts;
  channel.send(Buffer.concat(readyCommands(context, plan, lifeMs)));
  const { scripts } = await answer(parts, 'ready', signal);
  return {
    ...prepared,
    applications: applicationsOf(context.settings.applications, scripts, plan),
    scripts: scriptRuns(scripts),
  };
}

async function answer<Name extends 'facts' | 'ready'>(
  parts: SessionParts,
  name: Name,
  signal: AbortSignal,
): Promise<EventOf<Name>> {
  const { facts } = parts;
  const found = await facts.waitFor(() => facts.last(name) ?? troubleSince(parts, 0), signal);
  if (found instanceof SnaphookError) throw found;
  return found;
}

function helloOf(parts: SessionParts, signal: AbortSignal): Promise<EventOf<'hello'>> {
  const { context, facts } = parts;
  const spoken = () =>
    facts.last('hello') ??
    (facts.end && facts.violation === undefined ? helperNeverSpoke(context, facts.end) : troubleSince(parts, 0));
  return firstWords(parts, 'freeze helper', spoken, signal);
}

function readyCommands({ settings }: GuestContext, { fileSystems }: PossiblePlan, lifeMs: number): readonly Buffer[] {
  const { leaseMs, scriptLimitMs, scriptsDirectory } = settings;
  const scripts = scriptsDirectory === undefined ? '-' : octalPath(scriptsDirectory);
  return [
    commandLine('prepare', leaseMs, lifeMs, scriptLimitMs, scripts),
    commandLine('plug-ins', scriptsDirectory === undefined ? '-' : PLUG_INS_FOLDER),
    ...fileSystems.map(({ device, mountPoint }) => commandLine('filesystem', device, mountPoint)),
    commandLine('ready'),
  ];
}

/** What the helper says would wait for the thaw, and so would its release. */
function requireMovingFolder(
  { name, memoryFolder }: GuestContext,
  mounts: readonly HelperMount[],
  { fileSystems }: PossiblePlan,
): void {
  if (memoryFolder === undefined) return;
  const [holder] = mounts
    .filter(({ mountPoint }) => `${memoryFolder}/`.startsWith(mountPoint === '/' ? '/' : `${mountPoint}/`))
    // The later one of two at the same place lies on top.
    .sort((one, other) => other.mountPoint.length - one.mountPoint.length || other.id - one.id);
  if (!fileSystems.some(({ device }) => device === holder?.device)) return;
  throw new SnaphookError(
    'E_GUEST',
    `folder "${memoryFolder}" of guest "${name}" lies on "${holder?.mountPoint}", which is to be frozen`,
    {
      hint: 'Give a folder in memory (tmpfs) as guestOperations.memoryFolder; findmnt -t tmpfs in the guest shows them.',
    },
  );
}

function possiblePlan(context: GuestContext, plan: FreezePlan): PossiblePlan {
  const named = (names: readonly string[]) => names.map((name) => `"${name}"`).join(', ');
  switch (plan.kind) {
    case 'possible':
      if (plan.fileSystems.length > 0) return plan;
      throw new SnaphookError('E_GUEST', `guest "${context.name}" has no file system on the captured disks to freeze`, {
        hint: 'Mount them in the guest, or set freeze: none for a job of this VM alone.',
      });
    case 'disks-not-shown':
      throw new SnaphookError('E_GUEST', `guest "${context.name}" shows no disk ${named(plan.diskUuids)}`, {
        hint:
          'Check that the VM has disk.EnableUUID set to TRUE, so that the guest sees the serial numbers of its disks ' +
          '(lsblk -o NAME,SERIAL,WWN), and that the guest has found the disk: echo "- - -" > /sys/class/scsi_host/hostN/scan',
      });
    case 'partly-captured':
      throw new SnaphookError(
        'E_GUEST',
        `file system "${plan.mountPoint}" of guest "${context.name}" also lies on ${named(plan.otherDisks)}, which is not captured`,
        { hint: 'Capture all disks of the file system in one job; lsblk -s in the guest shows what it rests on.' },
      );
  }
}

function applicationsOf(
  required: readonly string[],
  scripts: readonly HelperScript[],
  { fileSystems }: PossiblePlan,
): readonly GuestApplication[] {
  const frozen = new Set(fileSystems.map(({ device }) => device));
  return quietApplications(required, scripts, (device) => frozen.has(device));
}
