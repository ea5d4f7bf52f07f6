import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { systemClock } from '../../src/platform/clock.ts';
import { createLinuxFileSystems } from '../../src/proxy/linux/linux-file-systems.ts';
import { treeOf } from './image-tree.ts';

/** What a hook of a user who is not root does in a directory with a disk, step by step: tells of each on a line of JSON. */
async function main([directory = '', disk = '', wish = '']: readonly string[]): Promise<void> {
  const signal = new AbortController().signal;
  const fileSystems = createLinuxFileSystems(systemClock, 'any');
  const tell = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
  const folder = 'vm/hard-disk-1';
  const release = async () =>
    tell({ foreign: await fileSystems.release(directory, [{ folder, devicePaths: [disk] }], signal) });
  if (wish === 'release') return release();
  await fileSystems.preflight(directory, [folder], signal);
  const disks = { folder, devicePath: disk, isQuiet: true };
  const volumes = await fileSystems.mount(directory, disks, { check: true }, signal);
  tell({ uid: process.getuid?.(), volumes });
  for (const volume of volumes) {
    if (volume.state !== 'mounted') continue;
    const mountPoint = path.join(directory, volume.path);
    tell({ tree: treeOf(mountPoint), written: written(path.join(mountPoint, 'new')) });
  }
  if (wish !== 'stay') await release();
}

function written(file: string): string {
  try {
    writeFileSync(file, '');
    return 'written';
  } catch (error) {
    return error instanceof Error ? error.message : 'refused';
  }
}

await main(process.argv.slice(2));
