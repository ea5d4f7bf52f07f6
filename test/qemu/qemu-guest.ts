import { type ChildProcessWithoutNullStreams, execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { NbdServer } from '../../src/lab/devices/nbd-server.ts';
import { QemuProcess } from './qemu-process.ts';
import { type CommandResult, sshOnce, startSsh } from './ssh.ts';

export type FileSystem = 'ext4' | 'xfs' | 'btrfs';

export interface QemuDisk {
  /** Id of a device of the lab's array: the disk's content. xfs needs 300 MiB. */
  readonly labDevice: string;
  /** What the disk shows as its serial number: 32 hex digits, as VMware shows a disk's UUID. */
  readonly serial: string;
  /** Made anew in the guest, on the whole disk or in its only partition. */
  readonly fileSystem: FileSystem;
  readonly partitioned: boolean;
  readonly mountPoint: string;
}

export interface QemuGuestOptions {
  /** What `scripts/qemu-guest.mjs` gathered: `kernel`, `initramfs`, `packages/`. */
  readonly parts: string;
  /** Serves the devices of `disks`. */
  readonly nbd: NbdServer;
  readonly disks: readonly QemuDisk[];
  /** Until SSH answers; default 300,000. */
  readonly bootLimitMs?: number;
}

export interface QemuGuestDisk extends QemuDisk {
  /** The disk in the guest, such as `/dev/sda`. */
  readonly device: string;
  /** What is mounted: the disk, or its partition `/dev/sda1`. */
  readonly volume: string;
}

/** A running Linux with its own kernel. */
export interface QemuGuest {
  /** On 127.0.0.1. */
  readonly sshPort: number;
  /** The guest's public host key, `TYPE BASE64`, made for this guest. */
  readonly hostKey: string;
  /** SHA-256 of it, as `ssh-keygen -l` prints it. */
  readonly hostKeyFingerprint: string;
  /** Logs in as root. */
  readonly privateKeyFile: string;
  /** In known_hosts form, for the system's ssh. */
  readonly knownHostsFile: string;
  readonly disks: readonly QemuGuestDisk[];
  /** Runs a shell command as root, over one SSH connection that all commands share; `input` is what it reads. */
  run(command: string, input?: Buffer): Promise<CommandResult>;
  /** The same, for somebody to talk with. */
  start(command: string): ChildProcessWithoutNullStreams;
  /** Ends the guest at once, as a power failure would, and removes the keys. */
  close(): Promise<void>;
}

const SERIAL = /^[0-9a-f]{32}$/;

/**
 * Boots the guest under emulation (never KVM: a device node for it says nothing about whether it works), with a fresh
 * host key, a fresh login key, and new file systems on its disks. Fails with the console's last lines.
 */
export async function startQemuGuest(options: QemuGuestOptions): Promise<QemuGuest> {
  const folder = mkdtempSync(path.join(tmpdir(), 'qemu-guest-'));
  let qemu: QemuProcess | undefined;
  const close = async () => {
    await qemu?.end();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const keys = await makeKeys(folder, options.disks);
    const sshPort = await freePort();
    const knownHostsFile = path.join(folder, 'known_hosts');
    writeFileSync(knownHostsFile, `[127.0.0.1]:${sshPort} ${keys.hostKey}\n`);
    qemu = new QemuProcess(qemuArguments(options, folder, sshPort));
    const lines = await qemu.linesUntil(
      (line) => line === 'guest-ready',
      (line) => /^guest-failed|Kernel panic/.test(line),
      options.bootLimitMs ?? 300_000,
    );
    const address = { port: sshPort, privateKeyFile: keys.privateKeyFile, knownHostsFile };
    const control = ['-S', path.join(folder, 'ssh')];
    const login = await sshOnce(address, 'true', [...control, '-M', '-o', 'ControlPersist=yes']);
    if (login.exitCode !== 0) throw new Error(`no login to the guest: ${login.stderr}`);
    return {
      sshPort,
      hostKey: keys.hostKey,
      hostKeyFingerprint: keys.hostKeyFingerprint,
      privateKeyFile: keys.privateKeyFile,
      knownHostsFile,
      disks: options.disks.map((disk) => ({ ...disk, ...nodesOf(disk, lines) })),
      run: (command, input) => sshOnce(address, command, control, input),
      start: (command) => startSsh(address, command, control),
      async close() {
        await sshOnce(address, '', [...control, '-O', 'exit']);
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Login key beside, host key and list of disks in the folder the guest gets. */
async function makeKeys(folder: string, disks: readonly QemuDisk[]) {
  const share = path.join(folder, 'share');
  mkdirSync(share);
  const make = (file: string) =>
    promisify(execFile)('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'qemu-guest', '-f', file]);
  const privateKeyFile = path.join(folder, 'login_key');
  const hostKeyFile = path.join(share, 'host_key');
  await make(privateKeyFile);
  await make(hostKeyFile);
  copyFileSync(`${privateKeyFile}.pub`, path.join(share, 'authorized_keys'));
  const lines = disks.map(({ serial, fileSystem, partitioned, mountPoint }) => {
    if (!SERIAL.test(serial)) throw new Error(`serial "${serial}" is not 32 hex digits`);
    return `${serial} ${partitioned ? 'partition' : 'disk'} ${fileSystem} ${mountPoint}\n`;
  });
  writeFileSync(path.join(share, 'disks'), lines.join(''));
  const hostKey = readFileSync(`${hostKeyFile}.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
  const { stdout: listed } = await promisify(execFile)('ssh-keygen', ['-lf', `${hostKeyFile}.pub`]);
  return { privateKeyFile, hostKey, hostKeyFingerprint: listed.split(' ')[1] ?? '' };
}

function qemuArguments({ parts, nbd, disks }: QemuGuestOptions, folder: string, sshPort: number): readonly string[] {
  const share = (tag: string, where: string) => [
    '-virtfs',
    `local,path=${where},mount_tag=${tag},security_model=none,readonly=on,multidevs=remap`,
  ];
  return [
    ...['-machine', 'q35,accel=tcg', '-cpu', 'max', '-m', '1024', '-smp', '1'],
    ...['-nodefaults', '-display', 'none', '-no-reboot', '-serial', 'stdio'],
    ...['-kernel', path.join(parts, 'kernel'), '-initrd', path.join(parts, 'initramfs')],
    // On a busy host the emulated timer may come too late for the kernel's own check of it, which would end the boot.
    ...['-append', 'console=ttyS0 quiet panic=-1 no_timer_check'],
    ...share('host', '/'),
    ...share('packages', path.join(parts, 'packages')),
    ...share('run', path.join(folder, 'share')),
    // Restricted: nothing leads out of the guest, only the one port leads in.
    ...['-netdev', `user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:${sshPort}-:22`],
    ...['-device', 'virtio-net-pci,netdev=net,romfile='],
    ...['-device', 'virtio-scsi-pci,id=scsi'],
    ...disks.flatMap(({ labDevice, serial }, index) => [
      ...['-drive', `file=${nbd.uri(labDevice)},format=raw,if=none,id=disk${index},cache=none,discard=unmap`],
      ...['-device', `scsi-hd,bus=scsi.0,lun=${index},drive=disk${index},serial=${serial}`],
    ]),
  ];
}

function nodesOf({ serial }: QemuDisk, consoleLines: readonly string[]): { device: string; volume: string } {
  const line = consoleLines.find((candidate) => candidate.startsWith(`guest-disk ${serial} `));
  const [, , device, volume] = line?.split(' ') ?? [];
  if (device === undefined || volume === undefined) throw new Error(`the guest has no disk with serial "${serial}"`);
  return { device, volume };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
