import { SnaphookError } from '../../ports/errors.ts';
import type { BackupEnd, BackupType, Guest, GuestApplication, PreparedGuest } from '../../ports/guest.ts';
import { plainSerial } from '../disk-serial.ts';
import { firstWords } from '../first-words.ts';
import { scriptRuns } from '../helper-scripts.ts';
import { quietApplications } from '../quiet-applications.ts';
import type { HelperScript } from '../script-protocol.ts';
import type { GuestContext } from './guest-context.ts';
import {
  componentExcluded,
  endUntold,
  helperNeverSpoke,
  writerAbsent,
  writerFailed,
  wrongProtocol,
} from './guest-errors.ts';
import type { EventOf } from './helper-facts.ts';
import { commandLine } from './helper-lines.ts';
import { type SessionParts, troubleSince, writersSeen } from './session-parts.ts';
import { type HelperVolume, MAX_LIFE_MS, VSS_HELPER_PROTOCOL } from './vss-helper-protocol.ts';
import { absentWriters, excludedComponents, excludedOfRequired, failedRequired } from './writers.ts';

type VssPreparedGuest = Extract<PreparedGuest, { strategy: 'vss-provider' }>;

/** A guest that was looked at: the volumes of its set, and what is told of it. */
export interface InspectedGuest {
  readonly volumes: readonly HelperVolume[];
  /** There may be a script or a plug-in to tell. */
  readonly hasPrograms: boolean;
  readonly prepared: VssPreparedGuest;
}

/** Starts the helper, lets it gather writers and volumes, and refuses what cannot end in a consistent snapshot. */
export async function inspectGuest(
  parts: SessionParts,
  request: Parameters<Guest['prepare']>[0],
  signal: AbortSignal,
): Promise<InspectedGuest> {
  const { context, channel, facts } = parts;
  const { helperPath, hold, holdMs, requiredWriters, excludedWriters } = context.settings;
  const backupType = backupTypeOf(context, request.backupEnd ?? 'none');
  // A hold of applications alone lasts longer: whoever cleans up after us waits for that.
  const onSession: typeof request.onSession = (resume) =>
    request.onSession(hold === 'precommit' ? { ...resume, hold } : resume);
  await channel.start(helperPath, onSession, signal);
  const hello = await helloOf(parts, signal);
  if (hello.protocol !== VSS_HELPER_PROTOCOL) throw wrongProtocol(context, hello);
  const disks = request.diskUuids.map(plainSerial);
  await channel.send(
    commandLine({
      command: 'prepare',
      protocol: VSS_HELPER_PROTOCOL,
      set: request.runId,
      disks,
      backupType,
      mode: hold,
      holdMs,
      excludedWriters,
      bootableState: true,
    }),
  );
  const prepared = await facts.waitFor(() => facts.last('prepared') ?? troubleSince(parts, 0), signal);
  if (prepared instanceof SnaphookError) throw prepared;
  requireVolumes(context, request.diskUuids, prepared.volumes);
  requireWhole(context, request.diskUuids, prepared.volumes);
  const writersBefore = writersSeen(parts, prepared.writers);
  const failed = failedRequired(writersBefore);
  if (failed) throw writerFailed(context, failed, 'before the freeze');
  const excluded = excludedComponents(prepared.excludedComponents, writersBefore);
  const incomplete = excludedOfRequired(excluded, writersBefore);
  if (incomplete) throw componentExcluded(context, incomplete);
  const absent = absentWriters(prepared.writers, requiredWriters)[0];
  if (absent !== undefined) throw writerAbsent(context, absent);
  const volumes = prepared.volumes.map((volume) => ({
    name: volume.mountPoint || volume.volume,
    diskUuids: volume.disks,
  }));
  const told: VssPreparedGuest = {
    strategy: 'vss-provider',
    helper: hello.helper,
    writersBefore,
    volumes,
    leaseMs: holdMs,
    backupType,
    hold,
    excludedComponents: excluded,
    ...(prepared.notHeld && prepared.notHeld.length > 0 && { notHeld: prepared.notHeld }),
    bootId: hello.bootId,
    applications: applicationsOf(context.settings.applications, [], prepared.volumes),
    scripts: [],
  };
  return { volumes: prepared.volumes, hasPrograms: prepared.hasPrograms, prepared: told };
}

/**
 * Lets the helper run the scripts and plug-ins of the guest, if it has any: without one nothing is said to it. They let their applications
 * go on when no freeze comes in `lifeMs`.
 */
export async function quietGuest(
  parts: SessionParts,
  { volumes, hasPrograms, prepared }: InspectedGuest,
  lifeMs: number,
  signal: AbortSignal,
): Promise<VssPreparedGuest> {
  if (!hasPrograms) return prepared;
  const { context, channel, facts } = parts;
  const { scriptLimitMs: scriptMs, applications } = context.settings;
  await channel.send(commandLine({ command: 'quiesce', scriptMs, lifeMs: Math.min(lifeMs, MAX_LIFE_MS) }));
  const told = await facts.waitFor(() => facts.last('quiesced') ?? troubleSince(parts, 0), signal);
  if (told instanceof SnaphookError) throw told;
  return {
    ...prepared,
    applications: applicationsOf(applications, told.scripts, volumes),
    scripts: scriptRuns(told.scripts),
  };
}

function applicationsOf(
  required: readonly string[],
  scripts: readonly HelperScript[],
  volumes: readonly HelperVolume[],
): readonly GuestApplication[] {
  const inSet = new Set(volumes.map(({ volume }) => volume.toLowerCase()));
  return quietApplications(required, scripts, (device) => inSet.has(device.toLowerCase()));
}

/** Nobody tells applications of a kept snapshot or a clone anything later: those are copies whatever the settings say. */
function backupTypeOf(context: GuestContext, end: BackupEnd): BackupType {
  const { backupType } = context.settings;
  if (end === 'none') return 'copy';
  if (backupType === 'full' && end === 'untold') throw endUntold(context);
  return backupType;
}

export function helloOf(parts: SessionParts, signal: AbortSignal): Promise<EventOf<'hello'>> {
  const { context, facts } = parts;
  const spoken = () =>
    facts.last('hello') ?? (facts.end ? helperNeverSpoke(context, facts.end) : troubleSince(parts, 0));
  return firstWords(parts, 'VSS helper', spoken, signal);
}

function requireVolumes(context: GuestContext, diskUuids: readonly string[], volumes: readonly HelperVolume[]): void {
  const covered = new Set(volumes.flatMap(({ disks }) => disks.map(plainSerial)));
  const uncovered = diskUuids.filter((disk) => !covered.has(plainSerial(disk)));
  if (uncovered.length === 0) return;
  const named = uncovered.map((disk) => `"${disk}"`).join(', ');
  throw new SnaphookError(
    'E_GUEST',
    `guest "${context.name}" has no volume on disk ${named}, so VSS cannot freeze it`,
    {
      hint:
        'Check in the guest that the disk is online and formatted, and that the VM has disk.EnableUUID set to TRUE, so that ' +
        'Windows sees the serial numbers of its disks.',
    },
  );
}

/** VSS holds all of a volume, and what of it lies elsewhere is not in the snapshot. */
function requireWhole(context: GuestContext, diskUuids: readonly string[], volumes: readonly HelperVolume[]): void {
  const captured = new Set(diskUuids.map(plainSerial));
  for (const { mountPoint, volume, disks } of volumes) {
    const elsewhere = disks.find((disk) => !captured.has(plainSerial(disk)));
    if (elsewhere === undefined) continue;
    throw new SnaphookError(
      'E_GUEST',
      `guest "${context.name}" has volume "${mountPoint || volume}" also on disk "${elsewhere}", which is not captured`,
      { hint: 'Capture all of its disks in one job.' },
    );
  }
}
