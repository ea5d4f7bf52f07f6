import { lstatSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { shadowBehind } from '../../src/lab/proxy/windows/directory-links.ts';
import { type PowerShellProgram, startPowerShellProgram } from '../../src/lab/proxy/windows/powershell-program.ts';
import { WindowsMachine } from '../../src/lab/proxy/windows/windows-machine.ts';
import { inGuest } from './disk-image.ts';
import { treeOf } from './image-tree.ts';
import { JOB, liveFilesOf, openShadowSite, type ShadowSite, withoutStore } from './shadow-site.ts';
import { must, newFolder } from './stage.ts';

const wish = { grade: 'filesystem', files: { onUnreadable: 'fail' } } as const;

let world: ShadowSite;
let machine: WindowsMachine;
let program: PowerShellProgram;

beforeAll(async () => {
  world = await openShadowSite(async (proxy, { lab }) => {
    machine = new WindowsMachine(path.join(lab.directory, 'proxy', 'by-id'));
    program = await startPowerShellProgram(machine);
    proxy.powershell = program.file;
  });
});

afterAll(async () => {
  await program.close();
  await world.site.close();
});

/** All bytes of the volume as libvshadow shows its only shadow copy. */
function byLibvshadow(disk: string): Buffer {
  const folder = newFolder('vshadowmount');
  must('vshadowmount', ['-o', String(world.stretch.offsetBytes), disk, folder]);
  try {
    return readFileSync(path.join(folder, 'vss1'));
  } finally {
    must('umount', [folder]);
  }
}

test('what a Windows proxy links to is the shadow copy inside the array snapshot: its files, and every byte as libvshadow reads it, while the volume beside it shows what came after', async () => {
  const { site, copied, stretch } = world;

  const result = await site.pre({ job: JOB, spec: wish });

  const manifest = JSON.parse(readFileSync(path.join(result.directory, result.manifest), 'utf8'));
  const [shadow] = manifest.vms[0].evidence.guest.freeze.shadowCopies;
  expect(manifest.vms).toMatchObject([{ grade: 'filesystem' }]);
  expect(manifest.fileSystems).toMatchObject([{ state: 'mounted', shadowCopy: shadow.id }]);
  const link = path.join(result.directory, manifest.fileSystems[0].path);
  const volume = shadowBehind(machine, link)?.read?.(0, stretch.sizeBytes) ?? Buffer.alloc(0);
  const file = path.join(newFolder('shadow-copy'), 'volume');
  writeFileSync(file, volume);
  expect(withoutStore(inGuest(file, { offsetBytes: 0, sizeBytes: stretch.sizeBytes }, 'ntfs', treeOf))).toEqual(copied);
  expect(liveFilesOf(world, manifest.fileSystems[0].target)).toEqual(world.live());
  expect(world.live()).not.toEqual(copied);
  const target = machine.disks.find(({ isOffline }) => !isOffline)?.path ?? '';
  expect(byLibvshadow(target).equals(volume)).toBe(true);

  await site.post(JOB);
  expect(lstatSync(link, { throwIfNoEntry: false })).toBeUndefined();
  expect(machine.disks.filter(({ isOffline }) => !isOffline)).toEqual([]);
  expect(site.leftBehind()).toEqual([]);
});
