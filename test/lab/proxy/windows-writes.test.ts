import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { readDiskLayout } from '../../../src/lab/proxy/windows/disk-layout.ts';
import { WindowsMachine } from '../../../src/lab/proxy/windows/windows-machine.ts';
import { found, GPT_TYPES, gptDisk, mbrDisk, OTHER, WWN } from '../../unit/proxy/windows/windows-world.ts';

const volume = { type: 7, content: 'NTFS' } as const;

function machineWith(disks: Readonly<Record<string, Buffer>>) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'snaphook-disks-'));
  for (const [id, content] of Object.entries(disks)) writeFileSync(path.join(folder, `wwn-0x${id}`), content);
  const machine = new WindowsMachine(folder);
  machine.rescan();
  const disk = (id = WWN) => found(machine.disks.find(({ wwn }) => wwn === id));
  const bytes = (id = WWN) => readFileSync(disk(id).path);
  const online = (id = WWN, isReadOnly = false) => {
    disk(id).isReadOnly = isReadOnly;
    machine.setOffline(disk(id), false);
  };
  return { machine, disk, bytes, online };
}

test('a volume that is online and can be written is changed as it is mounted, again as time passes, and as it is dismounted', () => {
  const { machine, disk, bytes, online } = machineWith({ [WWN]: mbrDisk(1, [volume]) });
  const states = [bytes()];

  online();
  states.push(bytes());
  machine.rescan();
  states.push(bytes());
  machine.setOffline(disk(), true);
  states.push(bytes());
  machine.rescan();

  expect(new Set(states.map((state) => state.toString('hex'))).size).toBe(4);
  expect(bytes().equals(found(states.at(-1)))).toBe(true);
});

test('nothing is written to a volume whose disk is read-only, nor where Windows finds no file system', () => {
  const { machine, disk, bytes, online } = machineWith({
    [WWN]: mbrDisk(1, [volume]),
    [OTHER]: mbrDisk(2, [{ type: 7, content: 'nothing' }]),
  });
  const before = [bytes(), bytes(OTHER)];

  online(WWN, true);
  online(OTHER);
  machine.rescan();
  for (const id of [WWN, OTHER]) machine.setOffline(disk(id), true);

  expect([bytes(), bytes(OTHER)].map((now, index) => now.equals(found(before[index])))).toEqual([true, true]);
});

test('EFI system and recovery partitions are volumes without a letter; reserved space is none', () => {
  const { disk, online } = machineWith({
    [WWN]: gptDisk([GPT_TYPES.reserved, GPT_TYPES.efiSystem, GPT_TYPES.recovery, GPT_TYPES.basicData]),
  });

  online();

  const volumes = disk().volumes.map(({ partition, accessPaths }) => [partition.number, accessPaths.length]);
  expect(volumes).toEqual([
    [2, 1],
    [3, 1],
    [4, 2],
  ]);
});

test('a disk whose GUID is taken gets another in both of its headers as it goes online, and none while it is read-only', () => {
  const whole = withBackupHeader(gptDisk([GPT_TYPES.basicData]));
  const { disk, bytes, online } = machineWith({ [WWN]: whole, [OTHER]: whole });
  online();
  expect(() => online(OTHER, true)).toThrow('the disk is read-only');

  online(OTHER);

  const [first, second] = [bytes(), bytes(OTHER)].map((disk) =>
    readDiskLayout((at, length) => disk.subarray(at, at + length)),
  );
  expect(second?.signature).not.toBe(first?.signature);
  expect(disk(OTHER).layout.signature).toBe(second?.signature);
  expect(second?.partitions).toEqual(first?.partitions);
  const headers = [512, whole.length - 512].map((at) => Buffer.from(bytes(OTHER).subarray(at, at + 92)));
  for (const header of headers) {
    expect(header.toString('hex', 56, 72)).toBe(headers[0]?.toString('hex', 56, 72));
    const told = header.readUInt32LE(16);
    header.writeUInt32LE(0, 16);
    expect(crc32(header)).toBe(told);
  }
});

/** The header again in the last sector, as every GPT has it. */
function withBackupHeader(disk: Buffer): Buffer {
  disk.writeUInt32LE(92, 512 + 12);
  disk.writeBigUInt64LE(BigInt(disk.length / 512 - 1), 512 + 32);
  disk.copy(disk, disk.length - 512, 512, 1024);
  return disk;
}
