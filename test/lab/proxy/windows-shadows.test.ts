import { mkdtempSync, readlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { readPipeline } from '../../../src/lab/proxy/windows/pipeline.ts';
import { runPipeline } from '../../../src/lab/proxy/windows/storage-cmdlets.ts';
import { WindowsMachine } from '../../../src/lab/proxy/windows/windows-machine.ts';
import { SHADOW_BLOCK_BYTES, shadowPieces } from '../../../src/lab/windows-guest/shadow-store.ts';

const WWN = '60000970000197900046533030303041';
const MIB = 1024 * 1024;
const ID = '11111111-8e0c-4c55-9f0b-0c5c6e1e2d01';
const QUERY =
  "Get-CimInstance -ClassName 'Win32_ShadowCopy' | Select-Object -Property @{n='ID';e={[string]$_.CimInstanceProperties['ID'].Value}},@{n='DeviceObject';e={[string]$_.CimInstanceProperties['DeviceObject'].Value}}";

/** A disk with one NTFS that holds a shadow copy. */
function shadowedDisk(): Buffer {
  const disk = Buffer.alloc(2 * MIB);
  disk.writeUInt32LE(1, 440);
  disk[450] = 7;
  disk.writeUInt32LE(MIB / 512, 454);
  disk.writeUInt32LE(MIB / 512, 458);
  disk.writeUInt16LE(0xaa55, 510);
  disk.write('NTFS    ', MIB + 3, 'latin1');
  const copy = { shadowCopyId: ID, setId: ID, storeId: ID, createdAt: new Date(0), overwritten: new Map() };
  const volume = { volumeId: ID, sizeBytes: MIB, areaOffsetBytes: 8 * SHADOW_BLOCK_BYTES };
  for (const { offsetBytes, data } of shadowPieces(volume, [copy])) disk.set(data, MIB + offsetBytes);
  return disk;
}

function machineWith(disk: Buffer, isElevated = true) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'snaphook-disks-'));
  const exported = mkdtempSync(path.join(os.tmpdir(), 'snaphook-export-'));
  writeFileSync(path.join(folder, `wwn-0x${WWN}`), disk);
  const machine = new WindowsMachine(folder, { isElevated });
  machine.rescan();
  const run = (text: string) => {
    const pipeline = readPipeline(text);
    if (!pipeline) throw new Error(`the lab does not read ${text}`);
    return runPipeline(machine, pipeline);
  };
  return {
    machine,
    exported,
    run,
    set: (what: string) => run(`Set-Disk -UniqueId '${WWN}' ${what}`),
    copies: () => run(QUERY),
    link: (name = 'part1', target = deviceOf(1), folderOfIt = exported) =>
      run(
        `Push-Location -LiteralPath '${folderOfIt}'; try { & "$env:SystemRoot\\System32\\cmd.exe" /d /c mklink /d ${name} '${target}\\' | Out-Null; if ($LASTEXITCODE -ne 0) { throw ('mklink ended with ' + $LASTEXITCODE) } } finally { Pop-Location }`,
      ),
    look: (name = 'part1') =>
      run(
        `Get-ChildItem -LiteralPath '${path.join(exported, name)}' | Select-Object -First 1 -Property @{n='Name';e={[string]$_.Name}}`,
      ),
  };
}

const deviceOf = (number: number) => `\\\\?\\GLOBALROOT\\Device\\HarddiskVolumeShadowCopy${number}`;
const online = (world: ReturnType<typeof machineWith>) => {
  world.set('-IsReadOnly $false');
  world.set('-IsOffline $false');
};

test('a shadow copy is told while its disk is online and can be written, each time under another device object', () => {
  const world = machineWith(shadowedDisk());
  expect(world.copies()).toEqual([]);
  world.set('-IsOffline $false');
  // Read-only, as a disk is that was offline by policy.
  expect(world.copies()).toEqual([]);
  world.set('-IsOffline $true');

  online(world);
  expect(world.copies()).toEqual([{ ID: `{${ID.toUpperCase()}}`, DeviceObject: deviceOf(1) }]);

  world.set('-IsOffline $true');
  expect(world.copies()).toEqual([]);
  world.set('-IsOffline $false');
  expect(world.copies()).toMatchObject([{ DeviceObject: deviceOf(2) }]);
});

test('a volume whose store is not whole has no shadow copy', () => {
  const disk = shadowedDisk();
  disk.fill(0, MIB + 8 * SHADOW_BLOCK_BYTES, MIB + 9 * SHADOW_BLOCK_BYTES);
  const world = machineWith(disk);
  online(world);

  expect(world.copies()).toEqual([]);
});

test('a link is made whether its device is there or not, and leads to the root folder of one that is', () => {
  const world = machineWith(shadowedDisk());
  world.link();
  expect(readlinkSync(path.join(world.exported, 'part1'))).toBe(
    '\\??\\GLOBALROOT\\Device\\HarddiskVolumeShadowCopy1\\',
  );
  expect(() => world.look()).toThrow(expect.objectContaining({ id: expect.stringContaining('ItemNotFound') }));

  online(world);
  expect(world.look()).toEqual([]);

  world.set('-IsOffline $true');
  expect(() => world.look()).toThrow(expect.objectContaining({ id: expect.stringContaining('ItemNotFound') }));
});

test('mklink replaces nothing, and needs its folder', () => {
  const world = machineWith(shadowedDisk());
  world.link();

  expect(() => world.link()).toThrow(expect.objectContaining({ id: 'mklink ended with 1' }));
  expect(() => world.link('part1', deviceOf(1), path.join(world.exported, 'missing'))).toThrow(
    expect.objectContaining({ id: expect.stringContaining('PathNotFound') }),
  );
});

test('an account that is not elevated is told no shadow copies and makes no links', () => {
  const world = machineWith(shadowedDisk(), false);

  expect(() => world.copies()).toThrow(expect.objectContaining({ id: expect.stringContaining('0x80041014') }));
  expect(() => world.link()).toThrow(expect.objectContaining({ id: 'mklink ended with 1' }));
});

test.each(['part1&calc', '..\\x', 'a b', '%x%'])(
  'text that cmd.exe would take for more than a name is not read: %s',
  (name) => {
    expect(() => machineWith(shadowedDisk()).link(name)).toThrow('the lab does not read');
  },
);

test('another class of CIM is an error', () => {
  expect(() => machineWith(shadowedDisk()).run("Get-CimInstance -ClassName 'Win32_Volume'")).toThrow(
    expect.objectContaining({ id: expect.stringContaining('0x80041010') }),
  );
});
