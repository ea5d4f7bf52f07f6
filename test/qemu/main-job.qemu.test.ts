import { closeSync, openSync, readSync } from 'node:fs';
import { until } from './array-guest.ts';
import {
  type CountingWriter,
  countsAfter,
  highestCountIn,
  longestStandstill,
  startCountingWriter,
} from './counting-writer.ts';
import { checkExt4, readFromExt4 } from './ext4-image.ts';
import { tellFigures } from './figures.ts';
import { DISKS } from './guest-disks.ts';
import { frozenPlaces } from './guest-helper.ts';
import { grades, heldMsOf, imageOf, type PreDocument, post, pre, type RunningHook } from './hooks.ts';
import { openQemuSite, type QemuSite } from './site.ts';

/** What the settings of the guest name as an application. */
const APPLICATION = 'counter';
const LEASE_SECONDS = 5;
const LEASE_MS = LEASE_SECONDS * 1000;
const ESTABLISH = { system: 'array', operation: 'POST private/snapshot', when: 'before', nth: 1 } as const;
/** An array that takes its time, so that no other pause of the writer is mistaken for the window. */
const SLOW_ESTABLISH_MS = 1000;
const SCRIPT = `#!/bin/sh
case $1 in
freeze)
  touch /run/writer.pause
  until test -e /run/writer.rests; do sleep 0.05; done
  echo quiet ${APPLICATION} ;;
*) rm /run/writer.pause ;;
esac
`;

let site: QemuSite;
let writer: CountingWriter;

beforeAll(async () => {
  site = await openQemuSite({
    disks: DISKS,
    ssh: { leaseSeconds: LEASE_SECONDS, applications: [APPLICATION] },
    job: { grade: 'filesystem' },
  });
  writer = await startCountingWriter(site.array);
}, 420_000);

afterAll(async () => {
  if (writer) expect(await writer.end()).toBe('');
  await site?.close();
});

afterEach(async () => {
  site.faults.clear();
  expect(await site.leftBehind()).toEqual([]);
  await writerGoesOn();
});

async function writerGoesOn(): Promise<void> {
  const target = (await writer.lastRecord()) + 2 * DISKS.length;
  await until(async () => (await writer.lastRecord()) >= target || undefined, 'the writer went on');
}

function highestCountInFile(file: string): number {
  const descriptor = openSync(file, 'r');
  try {
    // Records begin on blocks of the file system, so none lies across two of these.
    const bytes = Buffer.alloc(4 * 1024 * 1024);
    let highest = 0;
    for (let at = 0, read = -1; read !== 0; at += read) {
      read = readSync(descriptor, bytes, 0, bytes.length, at);
      highest = Math.max(highest, highestCountIn(bytes.subarray(0, read)));
    }
    return highest;
  } finally {
    closeSync(descriptor);
  }
}

/** The one point that all images show, as the number of records that had been written; the ext4 among them is sound. */
async function pointOf(document: PreDocument): Promise<number> {
  const counts = DISKS.map(({ labDevice }) => highestCountInFile(imageOf(site, document, labDevice)));
  const point = counts.reduce((sum, count) => sum + count, 0);
  expect(counts).toEqual(countsAfter(point, DISKS.length));

  const ext4 = imageOf(site, document, DISKS[0].labDevice);
  expect(await checkExt4(ext4)).toEqual({ needsRecovery: false, checkExitCode: 0 });
  expect(highestCountIn(await readFromExt4(ext4, '/counter'))).toBe(counts[0]);
  return point;
}

/** How long the writer stood still beside this record; while it was under way, it may have reached its disk or not. */
async function stillAt(point: number): Promise<number> {
  const acknowledged = await writer.acknowledged();
  const at = (record: number) => acknowledged.find((entry) => entry.record === record)?.atMs ?? 0;
  return Math.max(at(point + 1) - at(point), at(point) - at(point - 1));
}

test('a real guest earns the filesystem grade, and its images show one point: the last record before it stood still', async () => {
  site.faults.add({ ...ESTABLISH, action: { do: 'delay', delayMs: SLOW_ESTABLISH_MS } });

  const document = await pre(site);
  await writerGoesOn();

  expect(grades(document)).toEqual([
    { grade: 'filesystem', reasons: [expect.stringContaining(`"${APPLICATION}" was not made quiet`)] },
  ]);
  const stillMs = await stillAt(await pointOf(document));
  expect(stillMs).toBeGreaterThan(SLOW_ESTABLISH_MS - 100);
  expect(stillMs).toBeLessThan(document.window.lengthMs + 1000);
  tellFigures('job, filesystem, array slowed by 1000 ms', {
    ...document.window,
    heldMs: heldMsOf(document),
    writerStoodStillMs: stillMs,
  });
  await post(site);
  expect(site.vcenterSessions()).toBe(0);
});

test('a script that makes the application quiet earns the application grade, and its images show whole rounds only', async () => {
  const { output } = site.array;
  await output(`mkdir -p /etc/snaphook/scripts.d && cat >/run/script <<'END'\n${SCRIPT}END
    install -o root -g root -m 0755 /run/script /etc/snaphook/scripts.d/10-counter`);
  try {
    const document = await pre(site);
    await writerGoesOn();

    expect(grades(document)).toEqual([{ grade: 'application', reasons: [] }]);
    const point = await pointOf(document);
    expect(point % DISKS.length).toBe(0);
    expect(await stillAt(point)).toBeGreaterThan(heldMsOf(document));
    tellFigures('job, application', { ...document.window, heldMs: heldMsOf(document) });
  } finally {
    await output('rm /etc/snaphook/scripts.d/10-counter');
  }
  await post(site);
  expect(site.vcenterSessions()).toBe(0);
});

/** Ends or stops a pre hook while the guest stands still; tells how long the writer did so, by the guest's own clock. */
async function loseHookInWindow(signal: 'SIGKILL' | 'SIGSTOP'): Promise<number> {
  const since = await writer.lastRecord();
  let hook: RunningHook | undefined;
  let frozen: readonly string[] = [];
  site.faults.add({
    ...ESTABLISH,
    action: {
      do: 'call',
      run: async () => {
        frozen = await frozenPlaces(site.array);
        hook?.child.kill(signal);
      },
    },
  });
  hook = site.hook('pre-backup');
  if (signal === 'SIGKILL') expect((await hook.ended).exitCode).toBeNull();
  await until(() => frozen.length > 0 || undefined, 'the guest stood still');
  await until(async () => (await frozenPlaces(site.array)).length === 0 || undefined, 'the guest let go');
  await writerGoesOn();
  hook.child.kill('SIGKILL');
  expect((await hook.ended).exitCode).toBeNull();

  expect([...frozen].sort()).toEqual([...site.array.mountPoints].sort());
  // Nobody waits for the establish any more, and it comes all the same.
  expect((await site.leftBehind()).filter((line) => line.startsWith('snapshot '))).toHaveLength(DISKS.length);
  return longestStandstill(await writer.acknowledged(), since).lengthMs;
}

test('a pre hook killed in the window: the guest writes again before its lease is over, and post leaves nothing', async () => {
  const stillMs = await loseHookInWindow('SIGKILL');

  expect(stillMs).toBeLessThan(LEASE_MS);
  tellFigures('job, killed in the window', { writerStoodStillMs: stillMs });
  await post(site);
});

test('a pre hook stopped in the window: the guest writes again when its lease is over, and post leaves nothing', async () => {
  const stillMs = await loseHookInWindow('SIGSTOP');

  expect(stillMs).toBeGreaterThan(LEASE_MS - 1000);
  expect(stillMs).toBeLessThan(LEASE_MS + 1500);
  tellFigures('job, stopped in the window', { leaseMs: LEASE_MS, writerStoodStillMs: stillMs });
  await post(site);
});

test('the array met no defect of its own', () => {
  expect(site.array.events.events.filter(({ detail }) => detail.defect !== undefined)).toEqual([]);
});
