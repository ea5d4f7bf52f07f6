import { readFile, rmdir } from 'node:fs/promises';
import type { ProgramEnd } from '../../platform/run-program.ts';
import type { Clock } from '../../ports/clock.ts';
import type { MountedVolume, OtherVolume, VolumePlace } from '../../ports/file-systems.ts';
import { whyNotBtrfs } from './btrfs.ts';
import { type Checker, checked, type Refusal } from './check-volume.ts';
import { type FileSystemKind, judge } from './file-system-kinds.ts';
import { readFstab } from './fstab.ts';
import { fuseMount } from './fuse-mount.ts';
import { attachLoop } from './loop-devices.ts';
import type { LoopMark } from './loop-marks.ts';
import { mountsBelow, unmount } from './mounts.ts';
import { hasProgram, runProgram } from './programs.ts';
import { closeShadowCopy, type FoundShadowCopy, openShadowCopy } from './shadow-copies.ts';
import { isRoot } from './user.ts';
import type { FoundVolume } from './volumes.ts';

export interface MountRequest {
  readonly devicePath: string;
  readonly isQuiet: boolean;
  /** One of which, where an NTFS holds it, is mounted in place of what that is now. */
  readonly shadowCopies: readonly string[];
  readonly mountPoint: string;
  readonly mark: LoopMark;
  readonly check: boolean;
  /** Also by checkers that are strict. */
  readonly strict: boolean;
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
  if (kind.helper !== undefined && !(await hasProgram(kind.helper))) {
    return other('unreadable', `program "${kind.helper}" is not in the PATH of the hook`);
  }
  if (!isRoot() && !kind.isForUsers) return other('unreadable', `only root can mount ${kind.type} here`);
  const shadow = await shadowCopyOf(place, kind, request, signal);
  if (shadow.state === 'refused') return other(...shadow.refusal);
  if (shadow.state === 'none' && kind.replay === 'nobody' && !request.isQuiet) {
    return other('unreadable', `nothing here replays the journal of ${kind.type}, and its guest may have been writing`);
  }
  const against =
    kind.type === 'btrfs' ? await whyNotBtrfs(request.devicePath, place.offsetBytes, place.uuid ?? '') : undefined;
  if (against !== undefined) return other('unreadable', against);
  await request.prepare();
  const refused =
    shadow.state === 'open'
      ? await mountFile(shadow.file, kind, request, signal)
      : await mountLive(place, kind, request, signal);
  if (refused !== undefined) {
    await rmdir(request.mountPoint).catch(() => undefined);
    if (shadow.state === 'open') await closeShadowCopy(shadow, request.clock, signal);
    return other(...refused);
  }
  const checkedBy = checkerOf(kind, request, shadow.state === 'open')?.[0];
  const fstab = await readFstab(request.mountPoint);
  return { ...place, state: 'mounted', checkedBy, fstab, ...(shadow.state === 'open' && { shadowCopy: shadow.id }) };
}

/** Undefined: it is not asked. */
const checkerOf = (
  { checker, isStrict }: FileSystemKind,
  { check, strict, isQuiet }: MountRequest,
  isShadowCopy = false,
): Checker | undefined => (check && (!isStrict || (strict && (isQuiet || isShadowCopy))) ? checker : undefined);

const shadowCopyOf = async (
  place: VolumePlace,
  kind: FileSystemKind,
  request: MountRequest,
  signal: AbortSignal,
): Promise<FoundShadowCopy> =>
  kind.holdsShadowCopies && request.shadowCopies.length > 0
    ? openShadowCopy({ ...request, ...place }, request.shadowCopies, signal)
    : { state: 'none' };

async function mountLive(
  place: VolumePlace,
  kind: FileSystemKind,
  request: MountRequest,
  signal: AbortSignal,
): Promise<Refusal | undefined> {
  if (!isRoot()) return fuseMount({ ...request, ...place }, checkerOf(kind, request), signal);
  return (await replay(place, kind, request, signal)) ?? finallyMount(place, kind, request, signal);
}

/** What is in the file stood still when it was made, and nobody can write to it. */
async function mountFile(
  file: string,
  kind: FileSystemKind,
  request: MountRequest,
  signal: AbortSignal,
): Promise<Refusal | undefined> {
  const checker = checkerOf(kind, request, true);
  const refused = checker && (await checked(checker, file, signal));
  if (refused) return refused;
  const end = await mount(kind, file, request.mountPoint, signal);
  return end.exitCode === 0 ? undefined : notMounted(kind, file, end, signal);
}

async function replay(
  place: VolumePlace,
  kind: FileSystemKind,
  request: MountRequest,
  signal: AbortSignal,
): Promise<Refusal | undefined> {
  const { devicePath, mountPoint, mark, clock } = request;
  const checker = checkerOf(kind, request);
  if (kind.replay !== 'kernel' && !checker) return undefined;
  const loop = await attachLoop(devicePath, { ...place, isWritable: true, mark }, signal);
  try {
    if (kind.replay === 'kernel') {
      const end = await mount(kind, loop.device, mountPoint, signal);
      if (end.exitCode !== 0) return await notMounted(kind, loop.device, end, signal);
      await unmount(mountPoint, clock, signal);
    }
    if (!checker) return undefined;
    await kind.beforeCheck?.(loop.device);
    return await checked(checker, loop.device, signal);
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
  const [program] = kind.checker;
  if (!(await hasProgram(program))) return ['damaged', why];
  const refused = await checked(kind.checker, device, signal);
  return refused ? [refused[0], `${why}; ${refused[1]}`] : ['unreadable', `${why}; ${program} finds it sound`];
}
