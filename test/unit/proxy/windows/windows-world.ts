import { mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  type PowerShellProgram,
  startPowerShellProgram,
} from '../../../../src/lab/proxy/windows/powershell-program.ts';
import { WindowsMachine } from '../../../../src/lab/proxy/windows/windows-machine.ts';
import type { Clock } from '../../../../src/ports/clock.ts';
import { createPowerShell } from '../../../../src/proxy/windows/powershell-session.ts';
import { SeenDevices } from '../../../../src/proxy/windows/windows-disks.ts';
import { createWindowsFileSystems } from '../../../../src/proxy/windows/windows-file-systems.ts';
import { createWindowsProxy } from '../../../../src/proxy/windows/windows-proxy.ts';

export const WWN = '60000970000197900046533030303041';
export const OTHER = '60000970000197900046533030303042';
export const MIB = 1024 * 1024;
export const FOLDER = 'sql01/disk-0';
export const soon = () => AbortSignal.timeout(20_000);
/** Waits pass at once. */
function jumpingClock(): Clock {
  let nowMs = 0;
  return {
    now: () => new Date(nowMs),
    monotonicMs: () => nowMs,
    sleep: async (durationMs) => {
      nowMs += durationMs;
    },
  };
}
let programs: PowerShellProgram[] = [];

export async function closeWorlds(): Promise<void> {
  for (const program of programs) await program.close();
  programs = [];
}

type Content = 'NTFS' | 'nothing';

/** A disk with an MBR. */
export function mbrDisk(
  signature: number,
  partitions: readonly { readonly type: number; readonly content: Content }[],
): Buffer {
  const disk = Buffer.alloc((partitions.length + 1) * MIB);
  disk.writeUInt32LE(signature, 440);
  disk.writeUInt16LE(0xaa55, 510);
  for (const [index, { type, content }] of partitions.entries()) {
    const at = 446 + index * 16;
    disk[at + 4] = type;
    disk.writeUInt32LE(((index + 1) * MIB) / 512, at + 8);
    disk.writeUInt32LE(MIB / 512, at + 12);
    if (content === 'NTFS') disk.write('NTFS    ', (index + 1) * MIB + 3, 'latin1');
  }
  return disk;
}

/** As a GPT stores them. */
export const GPT_TYPES = {
  reserved: '16e3c9e35c0bb84d817df92df00215ae',
  efiSystem: '28732ac11ff8d211ba4b00a0c93ec93b',
  recovery: 'a4bb94ded106404da16abfd50179d6ac',
  basicData: 'a2a0d0ebe5b9334487c068b6b72699c7',
  linux: 'af3dc60f838472478e793d69d8477de4',
  dynamic: 'aac808588f7ee04285d2e1e90434cfb3',
} as const;

/** The types as a GPT stores them, of partitions of 1 MiB each. */
export function gptDisk(types: readonly string[]): Buffer {
  const disk = Buffer.alloc((types.length + 1) * MIB);
  disk.writeUInt16LE(0xaa55, 510);
  disk.write('EFI PART', 512, 'latin1');
  disk.write('11112222333344445555666677778888', 512 + 56, 'hex');
  disk.writeBigUInt64LE(2n, 512 + 72);
  disk.writeUInt32LE(128, 512 + 80);
  disk.writeUInt32LE(128, 512 + 84);
  for (const [index, type] of types.entries()) {
    const at = 1024 + index * 128;
    const first = ((index + 1) * MIB) / 512;
    disk.write(type, at, 'hex');
    disk.writeUInt8(index + 1, at + 16);
    disk.writeBigUInt64LE(BigInt(first), at + 32);
    disk.writeBigUInt64LE(BigInt(first + MIB / 512 - 1), at + 40);
    disk.write('NTFS    ', (index + 1) * MIB + 3, 'latin1');
  }
  return disk;
}

export async function makeWorld(
  disks: Readonly<Record<string, Buffer>>,
  options: { readonly isElevated?: boolean } = {},
) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'snaphook-disks-'));
  const directory = mkdtempSync(path.join(os.tmpdir(), 'snaphook-export-'));
  for (const [id, content] of Object.entries(disks)) writeFileSync(path.join(folder, `wwn-0x${id}`), content);
  const pathOf = (id: string) => path.join(folder, `wwn-0x${id}`);
  const seen = new SeenDevices();
  for (const id of Object.keys(disks)) seen.add(pathOf(id), id);
  const machine = new WindowsMachine(folder, options);
  machine.rescan();
  const program = await startPowerShellProgram(machine);
  programs.push(program);
  const shell = createPowerShell(program.file);
  const clock = jumpingClock();
  const fileSystems = createWindowsFileSystems(shell, clock, seen);
  const mount = (id = WWN, at = FOLDER, signal = soon(), shadowCopies: readonly string[] = []) =>
    fileSystems.mount(
      directory,
      { folder: at, devicePath: pathOf(id), isQuiet: false, shadowCopies },
      { check: true },
      signal,
    );
  const disk = (id = WWN) => machine.disks.find((one) => one.wwn === id);
  return {
    machine,
    program,
    directory,
    fileSystems,
    proxy: createWindowsProxy(shell, clock, seen),
    pathOf,
    seen,
    mount,
    disk,
    accessPaths: () => machine.disks.flatMap(({ volumes }) => volumes.flatMap(({ accessPaths }) => accessPaths)),
    release: (devicePaths: readonly string[] | undefined = [pathOf(WWN)]) =>
      fileSystems.release(directory, [{ folder: FOLDER, devicePaths }], soon()),
  };
}

export function found<Thing>(thing: Thing | undefined): Thing {
  if (thing === undefined) throw new Error('the simulated machine has no such thing');
  return thing;
}
