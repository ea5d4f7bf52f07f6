import { readFileSync } from 'node:fs';
import path from 'node:path';
import { treeOf } from './image-tree.ts';
import { JOB, liveFilesOf, openShadowSite, type ShadowSite, withoutStore } from './shadow-site.ts';
import { heldBelow } from './stage.ts';

const wish = {
  grade: 'filesystem',
  files: { onUnreadable: 'fail' },
  verify: { fileSystems: true, files: [], applications: [] },
} as const;

let world: ShadowSite;

beforeAll(async () => {
  world = await openShadowSite((proxy) => {
    // The stage has mounts of its own.
    proxy.mountNamespace = 'any';
  });
});

afterAll(() => world.site.close());

test('what is handed over is the shadow copy inside the array snapshot, byte for byte, while the volume beside it shows what came after', async () => {
  const { site, copied } = world;

  const result = await site.pre({ job: JOB, spec: wish });

  const manifest = JSON.parse(readFileSync(path.join(result.directory, result.manifest), 'utf8'));
  const [{ grade, reasons, evidence }] = manifest.vms;
  const [shadow] = evidence.guest.freeze.shadowCopies;
  expect({ grade, reasons }).toEqual({
    grade: 'filesystem',
    reasons: ['no writer of an application is named that VSS could have verified'],
  });
  expect(manifest.fileSystems).toMatchObject([{ state: 'mounted', shadowCopy: shadow.id, checkedBy: 'ntfsclone' }]);
  const mounted = treeOf(path.join(result.directory, manifest.fileSystems[0].path));
  expect(withoutStore(mounted)).toEqual(copied);
  // The volume itself is that of the instant of the establish.
  expect(liveFilesOf(world, manifest.fileSystems[0].target)).toEqual(world.live());
  expect(world.live()).not.toEqual(copied);
  // In the guest it is gone already, and its files are the live ones.
  expect(site.lab.guest.shadows.all()).toEqual([]);

  await site.post(JOB);
  expect(heldBelow(site.lab.directory)).toEqual([]);
  expect(site.leftBehind()).toEqual([]);
});
