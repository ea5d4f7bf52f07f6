import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createFileJournals } from '../../src/platform/file-journals.ts';
import { journalContract } from './journal.ts';

const makeWorld = async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'snaphook-journal-'));
  return { folder, store: createFileJournals(folder), reopen: () => createFileJournals(folder) };
};

journalContract('files', makeWorld);

const RUN = 'mb3k2j1f-x8q2zk';
const line = { seq: 1, at: '2026-11-22T12:00:00.000Z', kind: 'intent', data: { step: 'link' } };

test('a line torn by a crash is left out, and the next append does not run into it', async () => {
  const { folder, store, reopen } = await makeWorld();
  await (await store.create({ runId: RUN, job: 'nightly' })).append(line);
  appendFileSync(path.join(folder, 'open', `${RUN}.jsonl`), '{"seq":2,"at":"2026-');

  const journal = await reopen().open(RUN);
  expect(await journal.read()).toEqual([line]);
  await journal.append({ ...line, seq: 2 });
  expect(await journal.read()).toEqual([line, { ...line, seq: 2 }]);
});

test('a journal that is still being made is no run and is left alone; that of a dead process goes', async () => {
  const { folder, store } = await makeWorld();
  await store.create({ runId: RUN, job: 'nightly' });
  const dead = spawnSync(process.execPath, ['-e', '']).pid;
  const unborn = (pid: number) => path.join(folder, 'open', `mb3k2j1g-bbbbbb.jsonl.${pid}.new`);
  writeFileSync(unborn(process.pid), '');
  writeFileSync(unborn(dead), '');

  expect(await store.openRuns()).toEqual([{ runId: RUN, job: 'nightly' }]);
  expect(await store.unborn()).toEqual([path.basename(unborn(dead))]);
  expect(readdirSync(path.join(folder, 'open'))).toHaveLength(3);
  await store.sweep();
  expect(await store.unborn()).toEqual([]);
  expect(readdirSync(path.join(folder, 'open'))).toEqual([`${RUN}.jsonl`, path.basename(unborn(process.pid))]);
});

test('a damaged line in the middle is told with file and line, and the file is kept', async () => {
  const { folder, store } = await makeWorld();
  const journal = await store.create({ runId: RUN, job: 'nightly' });
  const file = path.join(folder, 'open', `${RUN}.jsonl`);
  appendFileSync(file, 'garbage\n');
  await journal.append(line);

  await expect(journal.read()).rejects.toMatchObject({ code: 'E_JOURNAL', message: expect.stringContaining('line 2') });
  expect(readFileSync(file, 'utf8')).toContain('garbage');
});

test('ids from outside cannot leave the folder', async () => {
  const { store } = await makeWorld();

  await expect(store.open('../../etc/passwd')).rejects.toThrow(/not a run id/);
});
