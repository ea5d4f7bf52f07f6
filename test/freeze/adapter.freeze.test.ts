import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleepFor } from 'node:timers/promises';
import { createLinuxGuests, createLinuxGuestsByGuestOperations } from '../../src/guest/linux/linux-guest.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { moRef } from '../../src/ports/identity.ts';
import { type GuestWorld, guestContract } from '../contract/guest.ts';
import { localGuestOperations } from '../unit/guest/linux/local-guest-operations.ts';
import { SSHD, type Sshd, startSshd } from './sshd.ts';

const HELPER = process.env.FREEZE_HELPER_OTHER_SYSFS ?? '';
const RECORDS = '/run/snaphook';
const MIB = 1024 * 1024;
const HOLD_MS = 700;
const KINDS = [
  { kind: 'ext4', sizeBytes: 64 * MIB, make: 'mkfs.ext4', force: '-F' },
  { kind: 'xfs', sizeBytes: 320 * MIB, make: 'mkfs.xfs', force: '-f' },
  { kind: 'btrfs', sizeBytes: 160 * MIB, make: 'mkfs.btrfs', force: '-f' },
] as const;

const missing = [
  ...(process.getuid?.() === 0 ? [] : ['root']),
  ...[HELPER, SSHD].filter((file) => !existsSync(file)),
  ...['mkfs.ext4', 'mkfs.xfs', 'mkfs.btrfs', 'losetup', 'fsfreeze'].filter(
    (name) => spawnSync('which', [name]).status !== 0,
  ),
];

interface Disk {
  readonly kind: string;
  readonly uuid: string;
  readonly loop: string;
  readonly mountPoint: string;
}

function must(command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', timeout: 60_000 });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout.trim();
}

function makeDisk(folder: string, { kind, sizeBytes, make, force }: (typeof KINDS)[number], index: number): Disk {
  const image = path.join(folder, `${kind}.img`);
  const mountPoint = path.join(folder, `${kind} at "work"`);
  writeFileSync(image, '');
  truncateSync(image, sizeBytes);
  must(make, '-q', force, image);
  mkdirSync(mountPoint);
  const loop = must('losetup', '--find', '--show', image);
  must('mount', loop, mountPoint);
  // Not before it is unmounted: then it is gone by itself.
  must('losetup', '--detach', loop);
  return { kind, uuid: `6000c29a1b2c3d4e5f60718293a4b5c${index}`, loop: path.basename(loop), mountPoint };
}

/** Loop devices have no serial: the helper reads them, and which devices a btrfs has, from here in place of /sys. */
function writeSysfs(folder: string, disks: readonly Disk[]): string {
  const sysfs = path.join(folder, 'sys');
  for (const { kind, uuid, loop } of disks) {
    const block = path.join(sysfs, 'class/block', loop);
    mkdirSync(block, { recursive: true });
    writeFileSync(path.join(block, 'dev'), readFileSync(`/sys/class/block/${loop}/dev`));
    writeFileSync(path.join(block, 'serial'), `${uuid}\n`);
    if (kind === 'btrfs') mkdirSync(path.join(sysfs, 'fs/btrfs', uuid, 'devices', loop), { recursive: true });
  }
  return sysfs;
}

/** What `helperPath` names: the real helper, with that folder in place of /sys. */
function writeWrapper(folder: string, sysfs: string): string {
  const wrapper = path.join(folder, 'helper');
  const lines = [
    '#!/bin/sh',
    `test "$1" != serve || exec '${HELPER}' serve --sysfs '${sysfs}'`,
    `exec '${HELPER}' "$@"`,
  ];
  writeFileSync(wrapper, `${lines.join('\n')}\n`);
  chmodSync(wrapper, 0o755);
  return wrapper;
}

/** A second FIFREEZE is refused as long as the first holds; one that succeeds is taken back at once. */
function isFrozen({ mountPoint }: Disk): boolean {
  if (spawnSync('fsfreeze', ['-f', mountPoint]).status !== 0) return true;
  must('fsfreeze', '-u', mountPoint);
  return false;
}

/** Processes that run the helper's `serve` for this world, without the guards they forked, which are renamed. */
function keepers(sysfs: string): number {
  const wanted = [HELPER, 'serve', '--sysfs', sysfs, ''].join('\0');
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
      return name === path.basename(HELPER).slice(0, 15) && readFileSync(`/proc/${pid}/cmdline`, 'utf8') === wanted;
    } catch {
      return false; // it ended meanwhile
    }
  }).length;
}

const records = () => (existsSync(RECORDS) ? readdirSync(RECORDS).length : 0);

/** How the adapter comes to the helper: over OpenSSH, or as VMware Tools starts programs, by a real bash and files in memory. */
type Way = 'ssh' | 'guest operations';

async function startWorld(way: Way): Promise<GuestWorld> {
  const folder = mkdtempSync(path.join(tmpdir(), 'snaphook-adapter-'));
  const disks: Disk[] = [];
  let sshd: Sshd | undefined;
  const close = async () => {
    await sshd?.stop();
    for (const { mountPoint } of disks) {
      spawnSync('fsfreeze', ['-u', mountPoint]);
      // A helper that has just ended may still have it open.
      const isUnmounted = () => spawnSync('umount', [mountPoint]).status === 0;
      for (const endMs = performance.now() + 5000; !isUnmounted(); await sleepFor(10))
        if (performance.now() > endMs) throw new Error(`"${mountPoint}" is in use`);
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (const [index, kind] of KINDS.entries()) disks.push(makeDisk(folder, kind, index));
    const sysfs = writeSysfs(folder, disks);
    const helperPath = writeWrapper(folder, sysfs);
    const server = await startSshd(folder);
    sshd = server;
    const terms = {
      helperPath,
      scriptsDirectory: undefined,
      leaseMs: HOLD_MS,
      thawResendMs: 60,
      thawPatienceMs: 300,
    };
    const overSsh = createLinuxGuests({
      clock: systemClock,
      settingsFor: () => ({
        address: '127.0.0.1',
        port: server.port,
        login: { kind: 'key', privateKey: async () => server.privateKey },
        trust: () => ({ kind: 'fingerprints', fingerprints: [server.hostKeyFingerprint] }),
        ...terms,
      }),
    });
    const byGuestOperations = createLinuxGuestsByGuestOperations({
      clock: systemClock,
      server: {
        of: () => localGuestOperations(),
        endSession: async () => undefined,
        close: async () => undefined,
      },
      settingsFor: () => ({ password: async () => 'none', ...terms }),
    });
    return {
      guests: way === 'ssh' ? overSsh : byGuestOperations,
      vm: { name: 'real01', address: '127.0.0.1', moRef: moRef('vm-1') },
      diskUuids: disks.map(({ uuid }) => uuid),
      holdMs: HOLD_MS,
      secrets: [server.privateKey],
      isFrozen: () => disks.some(isFrozen),
      sessionCount: () => keepers(sysfs),
      leftoverCount: records,
      connectionCount: () => server.connectionCount(),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

if (missing.length > 0) throw new Error(`this suite is run by \`npm run test:freeze\`; missing: ${missing.join(', ')}`);

guestContract('the Linux adapter on OpenSSH and the real helper', () => startWorld('ssh'));
guestContract('the Linux adapter on a real bash and the real helper, as guest operations start it,', () =>
  startWorld('guest operations'),
);
