import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ExpiringEntries } from '../../../src/lab/unisphere/expiring-entries.ts';
import { Jobs } from '../../../src/lab/unisphere/jobs.ts';
import { ModelLag } from '../../../src/lab/unisphere/model-lag.ts';
import { Pace } from '../../../src/lab/world/pace.ts';
import { finished, type Json, TestSite, until } from './test-site.ts';

const passed = (atMs: number) =>
  until(
    async () => performance.now(),
    (nowMs) => nowMs > atMs,
  );

test('what expired is gone when something new is kept, and the oldest gives way beyond the limit', () => {
  const entries = new ExpiringEntries<string>(2);
  const soon = Date.now() + 60_000;
  entries.keep('gone', 'a', Date.now());
  expect(entries.find('gone')).toBeUndefined();
  entries.keep('first', 'b', soon);
  expect(entries.size).toBe(1);
  entries.keep('second', 'c', soon);
  entries.keep('third', 'd', soon);
  expect(['first', 'second', 'third'].map((id) => entries.find(id))).toEqual([undefined, 'c', 'd']);
});

test('the object model forgets changes it shows already, though nobody asks', async () => {
  const lag = new ModelLag<number>(new Pace(1), 20);
  for (let n = 0; n < 50; n++) lag.note(`device ${n}`, n);
  expect([lag.size, lag.shown('device 7', 70)]).toEqual([50, 7]);
  await passed(performance.now() + 30);
  lag.note('late', 0);
  expect(lag.size).toBe(1);
});

describe('jobs', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'lab-jobs-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const request = { arrayId: '000197900046', name: 'work', user: 'admin', durationMs: 0, run: async () => ({}) };

  test('only the last 500 finished ones are remembered', async () => {
    const stored = Array.from({ length: 500 }, (_, index) => ({
      id: String(index + 1),
      arrayId: request.arrayId,
      name: 'old',
      user: 'admin',
      status: 'SUCCEEDED',
      scheduledMs: index,
      modifiedMs: index,
      completedMs: index,
      tasks: ['old'],
    }));
    writeFileSync(path.join(folder, 'jobs.json'), JSON.stringify(stored));
    const jobs = new Jobs(new Pace(0), folder);
    const { jobId } = jobs.start(request) as { jobId: string };
    expect(jobs.ids({})).toHaveLength(501);
    await until(
      async () => jobs.ids({ status: 'SUCCEEDED' }),
      (ids) => ids.includes(jobId),
    );
    expect([jobs.ids({}).length, jobs.find('1'), jobs.ids({}).includes('2')]).toEqual([500, undefined, true]);
    jobs.close();
  });

  test('a damaged file is told, not taken for an empty history', () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'jobs.json'), '[{"id":1}]');
    expect(() => new Jobs(new Pace(0), folder)).toThrow(/damaged/);
  });
});

test('jobs outlive the server: finished ones as they ended, a running one failed', async () => {
  let site = await TestSite.start({ knobs: { jobMs: 100 } });
  const create = (name: string) => {
    const body = { deviceNameListSource: [{ name: '00001' }], executionOption: 'ASYNCHRONOUS' };
    return site.call('POST', site.privateReplication(`/snapshot/${name}`), body, 202);
  };
  const job = (id: unknown) => site.get(site.system(`/job/${String(id)}`));
  try {
    const done = await finished(site, await create('one'));
    const refused = await finished(site, await create('bad%20name'));
    expect([done.status, refused.status]).toEqual(['SUCCEEDED', 'FAILED']);
    await site.stop(true);
    site = await TestSite.start({ folder: site.folder, knobs: { jobMs: 60_000_000 } });
    expect([await job(done.jobId), await job(refused.jobId)]).toEqual([done, refused]);

    const running: Json = await create('two');
    await site.stop(true);
    expect(readFileSync(path.join(site.folder, 'config', 'jobs.json'), 'utf8')).toContain('SCHEDULED');
    site = await TestSite.start({ folder: site.folder });
    expect(await job(running.jobId)).toMatchObject({
      status: 'FAILED',
      name: running.name,
      result: expect.stringMatching(/restarted/),
      completed_date_milliseconds: expect.any(Number),
    });
    expect((await site.get(site.system('/job?status=SUCCEEDED'))).jobId).toEqual([done.jobId]);
    expect(site.store.snapshots('00001').map(({ name }) => name)).toEqual(['one']);
    const next = await create('three');
    expect(Number(next.jobId)).toBeGreaterThan(Number(running.jobId));
  } finally {
    await site.stop();
  }
});
