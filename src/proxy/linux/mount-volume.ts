import { readFile, rmdir } from 'node:fs/promises';
import type { Clock } from '../../ports/clock.ts';
import type { MountedVolume, OtherVolume, VolumePlace } from '../../ports/file-systems.ts';
import { whyNotBtrfs } from './btrfs.ts';
import { checked, type Refusal } from './check-volume.ts';
import { type FileSystemKind, judge } from './file-system-kinds.ts';
import { readFstab } from './fstab.ts';
import { fuseMount } from './fuse-mount.ts';
import { attachLoop } from './loop-devices.ts';
import type { LoopMark } from './loop-marks.ts';
import { mountsBelow, unmount } from './mounts.ts';
import { hasProgram, type ProgramEnd, runProgram } from './programs.ts';
import { isRoot } from './user.ts';
import type { FoundVolume } from './volumes.ts';

export interface MountRequest {
  readonly devicePath: string;
  readonly isQuiet: boolean;
  readonly mountPoint: string;
  readonly mark: LoopMark;
  readonly check: boolean;
  readonly clock: Clock;
  /** Makes the folder of the mount point. */
  readonly prepare: () => Promise<void>;
}

/** Nothing on a guest's disk may become a program, a device or a right on this machine. */
const OPTIONS = ['ro', 'noexec', 'nosuid', 'nodev'];

type Outcome = Omit<MountedVolume, 'path'> | OtherVolume;

/**
 * In three steps, each on the device as it has to be then. Replay: mounted read-only on a writable device, where the kernel brings the
 * journal to its end. Check: by the file system's own checker, which sees what will be handed over. Mount: read-only on a read-only device,
 * where the kernel refuses a file system whose journal still has something to replay. Without root there is `fuseMount` in place of these.
 */
export async function mountVolume(found: FoundVolume, request: MountRequest, signal: AbortSignal): Promise<Outcome> {
  const { partitionType: _, flaw: __, ...place } = found;
  const other = (state: OtherVolume['state'], why: string): OtherVolume => ({ ...place, state, why });
  const judged = judge(found);
  if (judged.as !== 'mountable') return other(judged.as, judged.why);
  const { kind } = judged;
  if (kind.replay === 'nobody' && !request.isQuiet) {
    return other('unreadable', `nothing here replays the journal of ${kind.type}, and its guest may have been writing`);
  }
  if (kind.helper !== undefined && !(await hasProgram(kind.helper))) {
    return other('unreadable', `program "${kind.helper}" is not in the PATH of the hook`);
  }
  const against =
    kind.type === 'btrfs' ? await whyNotBtrfs(request.devicePath, place.offsetBytes, place.uuid ?? '') : undefined;
  if (against !== undefined) return other('unreadable', against);
  if (!isRoot() && !kind.isForUsers) return other('unreadable', `only root can mount ${kind.type} here`);
  await request.prepare();
  const refused = isRoot()
    ? ((await replay(place, kind, request, signal)) ?? (await finallyMount(place, kind, request, signal)))
    : await fuseMount({ ...request, ...place }, request.check ? kind.checker : undefined, signal);
  if (refused !== undefined) {
    await rmdir(request.mountPoint).catch(() => undefined);
    return other(...refused);
  }
  const checkedBy = request.check ? kind.checker?.[0] : undefined;
  return { ...place, state: 'mounted', checkedBy, fstab: await readFstab(request.mountPoint) };
}

async function replay(
  place: VolumePlace,
  kind: FileSystemKind,
  request: MountRequest,
  signal: AbortSignal,
): Promise<Refusal | undefined> {
  const { devicePath, mountPoint, mark, clock, check } = request;
  const checker = check ? kind.checker : undefined;
  if (kind.replay !== 'kernel' && !checker) return undefined;
  const loop = await attachLoop(devicePath, { ...place, isWritable: true, mark }, signal);
  try {
    if (kind.replay === 'kernel') {
      const end = await mount(kind, loop.device, mountPoint, signal);
      if (end.exitCode !== 0) return await notMounted(kind, loop.device, end, signal);
      await unmount(mountPoint, clock, signal);
    }
    return checker && (await checked(checker, loop.device, signal));
  } finally {
    await loop.close();
  }
}

async function finallyMount(
  place: VolumePlace,
  kind: FileSystemKind,
  { devicePath, mountPoint, mark, clock }: MountRequest,
  signal: AbortSignal,
): Promise<Refusal | undefined> {
  const loop = await attachLoop(devicePath, { ...place, isWritable: false, mark }, signal);
  try {
    const end = await mount(kind, loop.device, mountPoint, signal);
    if (end.exitCode !== 0) return await notMounted(kind, loop.device, end, signal);
    // Who is asked for one of two devices of the same id may be given the other.
    const [mounted] = await mountsBelow(mountPoint);
    if (mounted?.device === loop.device) return undefined;
    await unmount(mountPoint, clock, signal);
    return ['unreadable', `"${mounted?.device}" was mounted in place of "${loop.device}"`];
  } finally {
    await loop.close();
  }
}

const mount = (kind: FileSystemKind, device: string, mountPoint: string, signal: AbortSignal): Promise<ProgramEnd> =>
  runProgram('mount', ['-t', kind.type, '-o', [...OPTIONS, ...kind.options].join(','), device, mountPoint], signal);

/** What this machine cannot mount says nothing of the file system: this kernel may not know one of its features. Its checker tells. */
async function notMounted(
  kind: FileSystemKind,
  device: string,
  { said }: ProgramEnd,
  signal: AbortSignal,
): Promise<Refusal> {
  const known = await readFile('/proc/filesystems', 'utf8');
  const isKnown = known.split('\n').some((line) => line.split('\t')[1] === (kind.kernelName ?? kind.type));
  if (!isKnown) return ['unreadable', `this machine cannot mount ${kind.type}: ${said}`];
  const why = `it cannot be mounted: ${said}`;
  const [program] = kind.checker ?? [];
  if (!kind.checker || program === undefined || !(await hasProgram(program))) return ['damaged', why];
  const refused = await checked(kind.checker, device, signal);
  return refused ? [refused[0], `${why}; ${refused[1]}`] : ['unreadable', `${why}; ${program} finds it sound`];
}
