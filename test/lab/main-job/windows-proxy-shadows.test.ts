import type { ChildProcess } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, readlinkSync, symlinkSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { isAllThere } from '../../../src/job/all-there.ts';
import { loadRun } from '../../../src/job/run-record.ts';
import { shadowBehind } from '../../../src/lab/proxy/windows/directory-links.ts';
import { SHADOW_AREA_TEXT } from '../../../src/lab/windows-guest/shadowed-disk.ts';
import { ended, start } from '../../crash/killed-run.ts';
import { until } from '../guest/until.ts';
import { DEVICE, openWindowsProxySite, putNtfs, VOLUME, type WindowsProxySite } from './windows-proxy-site.ts';

const JOB = 'nightly';
const MIB = 1024 * 1024;
/** Places in the volume. */
const AREA = { offsetBytes: 2 * MIB, sizeBytes: MIB };
const FILE = { offsetBytes: 5 * MIB, sizeBytes: 100_000 };
const CONTENT = { copied: 0x41, live: 0x42 } as const;

let proxy: WindowsProxySite;
let site: WindowsProxySite['site'];
let machine: WindowsProxySite['machine'];
let program: WindowsProxySite['program'];

/** A Windows Server with one disk, and a Windows proxy. */
beforeAll(async () => {
  proxy = await openWindowsProxySite();
  ({ site, machine, program } = proxy);
  proxy.configure((config) => {
    config.guests[0].strategy = 'vss-diskshadow';
    config.guests[0].winrm.requiredWriters = ['System Writer'];
    Object.assign(config.jobs[JOB], { handOver: 'files', grade: 'application' });
  });
  putNtfs(site);
  // For what volsnap keeps.
  const area = Buffer.alloc(AREA.sizeBytes, SHADOW_AREA_TEXT);
  site.lab.store.open(DEVICE).write(VOLUME.offsetBytes + AREA.offsetBytes, area);
});

beforeEach(() => {
  write('copied');
  // The guest's programs go on when the copies are made.
  site.lab.guest.shadows.knobs.afterCreate = () => write('live');
});

afterEach(() => {
  machine.shadows.queriesUntilKnown = 0;
  expect(site.leftBehind().filter((what) => what !== 'guest shell')).toEqual([]);
  expect(machine.disks.filter(({ isOffline }) => !isOffline)).toEqual([]);
  expect(linksOf()).toEqual([]);
});

afterAll(() => proxy.close());

/** As the guest does, with volsnap below it. */
function write(when: keyof typeof CONTENT): void {
  const uuid = site.lab.estate.guestDisks[0]?.uuid ?? '';
  site.lab.guest.writeDisk(uuid, VOLUME.offsetBytes + FILE.offsetBytes, contentOf(when));
}

const contentOf = (when: keyof typeof CONTENT) => Buffer.alloc(FILE.sizeBytes, CONTENT[when]);

/** Links in the hand-over directory of the job. */
function linksOf(): readonly string[] {
  const root = path.join(site.lab.directory, 'export');
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(root, name))
    .filter((file) => lstatSync(file).isSymbolicLink());
}

const readThrough = (link: string) => shadowBehind(machine, link)?.read?.(FILE.offsetBytes, FILE.sizeBytes);

test('what is handed over on a Windows proxy is the shadow copy inside the array snapshot, byte for byte and graded application, and the post hook leaves nothing', async () => {
  machine.shadows.queriesUntilKnown = 2;

  const result = await site.pre({ job: JOB });

  const manifest = JSON.parse(readFileSync(path.join(result.directory, result.manifest), 'utf8'));
  const [{ grade, reasons, evidence }] = manifest.vms;
  expect({ grade, reasons }).toEqual({ grade: 'application', reasons: [] });
  const [shadow] = evidence.guest.freeze.shadowCopies;
  const [mounted] = manifest.fileSystems;
  expect(manifest.fileSystems).toMatchObject([{ state: 'mounted', path: expect.stringMatching(/part1$/) }]);
  expect(mounted).toMatchObject({ shadowCopy: shadow.id, fileSystem: { kind: 'ntfs' } });
  const link = path.join(result.directory, mounted.path);
  expect(linksOf()).toEqual([link]);
  expect(readThrough(link)?.equals(contentOf('copied'))).toBe(true);
  // The volume beside it is that of the establish, which came later.
  const target = machine.disks.find(({ isOffline }) => !isOffline)?.path ?? '';
  const now = readFileSync(target).subarray(VOLUME.offsetBytes + FILE.offsetBytes, MIB + 5 * MIB + FILE.sizeBytes);
  expect(now.equals(contentOf('live'))).toBe(true);
  // In the guest the copy is gone.
  expect(site.lab.guest.shadows.all()).toEqual([]);
  await site.post(JOB);
});

test('a call that joins the run finds its shadow copy behind the link, and none where another copy has its number by now', async () => {
  const { plan } = await site.pre({ job: JOB });
  const isThere = () =>
    site.withPorts(async (ports) => {
      const { run } = await loadRun(ports, plan.runId);
      return run && (await isAllThere(run, AbortSignal.timeout(60_000)));
    });
  expect(await isThere()).toBe(true);

  const [link = ''] = linksOf();
  const target = readlinkSync(link);
  const leadTo = (to: string) => {
    unlinkSync(link);
    symlinkSync(to, link);
  };
  leadTo(target.replace(/\d+/, String(machine.shadows.addOwn().number)));
  expect(await isThere()).toBe(false);

  leadTo(target);
  await site.post(JOB);
});

/** Kills the hook as soon as PowerShell was asked something that begins so. */
async function killedAt(asked: string, hook = 'pre-backup'): Promise<void> {
  const before = program.pipelines.length;
  const child: ChildProcess = start(hook, ['--job', JOB, '--config', site.lab.configFile]);
  const end = ended(child);
  const wasAsked = () => program.pipelines.slice(before).some((text) => text.startsWith(asked));
  await until(() => wasAsked() || child.exitCode !== null, 60_000);
  child.kill('SIGKILL');
  expect(await end).toMatchObject({ killed: true });
}

test.each([
  ['Get-CimInstance', 0],
  ['Push-Location', 1],
  ['Get-ChildItem', 1],
] as const)(
  'killed when PowerShell was asked %s, with %d link(s) made: the post hook takes them and the disk away',
  async (asked, links) => {
    // What the hook waits for, it does not get beyond.
    machine.shadows.queriesUntilKnown = links === 0 ? 10_000 : 0;
    await killedAt(asked);
    expect(linksOf()).toHaveLength(links);

    await site.post(JOB);
  },
);

test('a post hook that is killed between the link and the disk is brought to its end by the next one', async () => {
  await site.pre({ job: JOB });
  await killedAt('Set-Disk', 'post-backup');
  expect(linksOf()).toEqual([]);

  await site.post(JOB);
});
