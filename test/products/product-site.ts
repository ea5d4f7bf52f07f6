import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import path from 'node:path';
import { setTimeout as sleepFor } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { copyToDevice } from '../files/lab-device.ts';
import { heldBelow } from '../files/stage.ts';
import { openSite, type Site } from '../lab/main-job/site.ts';
import { newGuestDisk, writeOddFiles } from './guest-disk.ts';

/** The program that products call: the executable of a release, or the bundle. */
export const SNAPHOOK = process.env.SNAPHOOK_PROGRAM ?? path.join(__dirname, '../../dist/snaphook.cjs');
/** For the titles of suites. */
export const SNAPHOOK_KIND = SNAPHOOK.endsWith('.cjs') ? 'the bundle' : 'the released executable';

/** The lab's disk holds the file system, its partition table, and little more. */
const CYLINDERS = 20;
const BYTES_PER_CYLINDER = 15 * 131_072;
const DEVICE = '00101';

/** A site whose VM has files, and a job that hands them over. */
export interface ProductSite {
  readonly site: Site;
  readonly configFile: string;
  readonly exportDirectory: string;
  /** Where the files of the VM are mounted between the hooks. */
  readonly files: string;
  /** The guest writes to its disk. */
  inGuest<Result>(work: (mountPoint: string) => Result): Result;
  /** Array, vCenter, guest and this machine have nothing of any run. */
  expectNothingLeft(): void;
  close(): Promise<void>;
}

/**
 * `job` (of the lab's configuration) hands over files of `sql01`; `settings` are added to it. The guest is frozen unless they say otherwise.
 * The lab's own limits are those of real systems, as products and hooks take their time on a busy machine.
 */
export async function openProductSite(job: string, settings: object = {}): Promise<ProductSite> {
  const site = await openSite({ pace: 1, generation: 'V4', estate: { disks: 1, cylinders: CYLINDERS } });
  const { directory, configFile } = site.lab;
  // Products run as users of their own and read what is handed over.
  chmodSync(directory, 0o755);
  const disk = newGuestDisk(CYLINDERS * BYTES_PER_CYLINDER);
  const inGuest: ProductSite['inGuest'] = (work) => {
    const result = disk.write(work);
    copyToDevice(site, DEVICE, disk.image);
    return result;
  };
  inGuest(writeOddFiles);
  handOverFiles(configFile, job, settings);
  const exportDirectory = path.join(directory, 'export', job);
  return {
    site,
    configFile,
    exportDirectory,
    files: path.join(exportDirectory, 'sql01/hard-disk-1/part1'),
    inGuest,
    expectNothingLeft() {
      expect(heldBelow(directory)).toEqual([]);
      expect(existsSync(path.join(exportDirectory, 'sql01'))).toBe(false);
      expect(site.leftBehind()).toEqual([]);
    },
    close: () => site.close(),
  };
}

function handOverFiles(configFile: string, job: string, settings: object): void {
  const config = parse(readFileSync(configFile, 'utf8'));
  // The suite has mounts of its own.
  config.proxy.mountNamespace = 'any';
  Object.assign(config.jobs[job], { handOver: 'files' }, settings);
  writeFileSync(configFile, stringify(config));
}

/** Ports of 127.0.0.1 that nobody has. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listen()));
  const ports = servers.map((server) => {
    const address = server.address();
    if (typeof address !== 'object' || !address) throw new TypeError('a TCP server has a port');
    return address.port;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

const listen = () =>
  new Promise<Server>((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server));
  });

/** Waits for what a product does by itself. */
export async function until(condition: () => boolean, what: string, limitMs = 300_000): Promise<void> {
  for (const endMs = performance.now() + limitMs; !condition(); await sleepFor(20))
    if (performance.now() > endMs) throw new Error(`${what} did not come`);
}
