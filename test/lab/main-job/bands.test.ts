import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { composePorts } from '../../../src/cli/compose.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { assembleBands } from '../../../src/image/bands/assemble-bands.ts';
import type { JobPorts } from '../../../src/job/ports.ts';
import type { PreResult } from '../../../src/job/pre.ts';
import { reap } from '../../../src/job/reap.ts';
import { SnaphookError } from '../../../src/ports/errors.ts';
import { openSite, type Site } from './site.ts';

const BAND = 65_536;
const DEVICES = ['00311', '00312'] as const;
const silent = { info: () => undefined, warn: () => undefined, progress: () => undefined };
const never = new AbortController().signal;

let site: Site;
/** In place of the commit of the next run; the real one is handed on. */
let commitAs: ((commit: () => Promise<void>) => Promise<void>) | undefined;

function compose(configFile: string): JobPorts {
  const ports = composePorts(loadConfig(configFile), silent);
  const bands: JobPorts['bands'] = {
    ...ports.bands,
    commit: (...request) => {
      const commit = () => ports.bands.commit(...request);
      return commitAs ? commitAs(commit) : commit();
    },
  };
  return { ...ports, bands };
}

beforeAll(async () => {
  site = await openSite({ estate: { disks: 2, cylinders: 6 } }, compose);
});
afterAll(() => site.close());

const pre = () => site.pre(run);
const run = {
  job: 'no-freeze',
  vms: ['mobile01'],
  spec: { freeze: 'none', grade: 'crash', imageFormat: 'bands', bandBytes: BAND },
} as const;
const write = (device: string, band: number, text: string) =>
  site.lab.store.open(device).write(band * BAND + 7, Buffer.from(text));

/** What every folder of bands holds, by the directory that has it. */
function bandFiles(directory: string): Readonly<Record<string, string>> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    entries.map((entry) => {
      const { ino, size, mtimeMs } = statSync(path.join(entry.parentPath, entry.name));
      return [path.relative(directory, path.join(entry.parentPath, entry.name)), `${ino} ${size} ${mtimeMs}`];
    }),
  );
}

const exported = (result: Pick<PreResult, 'directory'>) => bandFiles(result.directory);
const imageOf = (result: PreResult, device: string) => {
  const imagePath = result.plan.devices.find((one) => one.device === device)?.imagePath ?? '';
  const file = result.files.find((one) => one.path === imagePath);
  if (!file) throw new Error(`no image of ${device}`);
  return file;
};

async function expectSnapshotsIn(result: PreResult): Promise<void> {
  for (const device of DEVICES) {
    const { path: image, sizeBytes } = imageOf(result, device);
    const assembled = path.join(site.lab.directory, `${device}.assembled`);
    await assembleBands(path.join(result.directory, image), assembled, () => undefined, never);
    const snapshot = site.lab.store.readSnapshot(device, result.capture.snapId ?? -1).read(0, sizeBytes);
    expect(readFileSync(assembled).equals(snapshot)).toBe(true);
    rmSync(assembled);
  }
}

/** What must be gone after a hook: everything but the bands. */
const leftBeside = () =>
  site.leftBehind().filter((left) => !/^export\/(\d+\.band|(index|owner)\.json|changed\.list)$/.test(left));

test('bands outlive the run, and the next run replaces those that changed and no others', async () => {
  for (const device of DEVICES) for (const band of [0, 1, 2]) write(device, band, `first ${device} ${band}`);
  const first = await pre();
  await expectSnapshotsIn(first);
  expect(JSON.parse(readFileSync(path.join(first.directory, first.manifest), 'utf8'))).toMatchObject({
    images: DEVICES.map((device) => ({
      device,
      format: 'bands',
      bandBytes: BAND,
      changedBands: 3,
      changedBytes: 3 * BAND,
    })),
  });
  await site.post('no-freeze');
  expect(leftBeside()).toEqual([]);
  const before = exported(first);
  write(DEVICES[0], 1, 'second');

  const second = await pre();

  await expectSnapshotsIn(second);
  const after = exported(second);
  const changed = Object.keys(after).filter((name) => name.endsWith('.band') && after[name] !== before[name]);
  const folder = imageOf(second, DEVICES[0]).path;
  expect(changed).toEqual([`${folder}/00000/00000001.band`]);
  expect(readFileSync(path.join(second.directory, folder, 'changed.list'), 'utf8')).toBe('00000/00000001.band\n');
  expect(second.files).toMatchObject([{ changedBands: 1 }, { changedBands: 0 }]);
  await site.post('no-freeze');
  expect(leftBeside()).toEqual([]);
  expect(Object.keys(exported(second)).sort()).toEqual(Object.keys(before).sort());
});

describe('a run that fails', () => {
  afterEach(() => {
    commitAs = undefined;
  });
  const failed = new SnaphookError('E_EXPORT', 'the hand-over directory does not answer');
  let before: Readonly<Record<string, string>>;
  let directory: string;
  let identity: string;
  beforeEach(async () => {
    const result = await pre();
    directory = result.directory;
    identity = imageOf(result, DEVICES[0]).path;
    await site.post('no-freeze');
    before = bandFiles(directory);
    write(DEVICES[0], 2, `again ${performance.now()}`);
  });
  const runOf = (folder: string): unknown =>
    JSON.parse(readFileSync(path.join(directory, folder, 'index.json'), 'utf8')).run.id;

  test('before its commit leaves the bands of the run before as they were', async () => {
    commitAs = () => Promise.reject(failed);

    expect(await site.failingPre(run)).toMatchObject({ code: 'E_EXPORT' });

    expect(bandFiles(directory)).toEqual(before);
    expect(leftBeside()).toEqual([]);
  });

  test('after its commit leaves bands that say of themselves that they are of that run', async () => {
    const earlier = runOf(identity);
    commitAs = async (commit) => {
      await commit();
      throw failed;
    };

    expect(await site.failingPre(run)).toMatchObject({ code: 'E_EXPORT' });

    expect(leftBeside()).toEqual([]);
    expect(runOf(identity)).not.toBe(earlier);
    expect(existsSync(path.join(directory, 'snaphook-manifest.json'))).toBe(false);
  });

  test('and whose journal is lost is ended by reap: what it staged goes, the bands stay', async () => {
    const copy = path.join(site.lab.directory, 'copy');
    commitAs = () => {
      cpSync(directory, copy, { recursive: true });
      return Promise.reject(failed);
    };
    await site.failingPre(run);
    commitAs = undefined;
    // As it lay there when the run was at work, and no journal tells of it.
    cpSync(copy, directory, { recursive: true });
    const closed = path.join(site.lab.directory, 'state/runs/closed');
    rmSync(closed, { recursive: true });
    expect(existsSync(path.join(directory, identity, 'next', 'index.json'))).toBe(true);

    const request = { apply: true, includeWaiting: false, olderThanMs: 0 };
    const reaped = await site.withPorts((ports) => reap(ports, request, never));

    expect(reaped).toMatchObject([{ finding: { kind: 'orphan-export' }, did: 'removed' }]);
    expect(Object.keys(bandFiles(directory)).sort()).toEqual(Object.keys(before).sort());
    const next = await pre();
    await expectSnapshotsIn(next);
    await site.post('no-freeze');
  });
});
