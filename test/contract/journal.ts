import type { JournalStore } from '../../src/ports/journal.ts';

const RUN = 'mb3k2j1f-x8q2zk';
const LATER = 'mb3k2j2f-aaaaaa';
const line = (seq: number, kind = 'intent') => ({ seq, at: '2026-11-22T12:00:00.000Z', kind, data: { step: 'link' } });

/** What every journal store must keep. `reopen` gives a new store over the same storage, as a later process has it. */
export function journalContract(
  name: string,
  makeWorld: () => Promise<{ store: JournalStore; reopen(): JournalStore }>,
): void {
  describe(`journal store: ${name}`, () => {
    test('what was appended is read back in order by a later process', async () => {
      const { store, reopen } = await makeWorld();
      const journal = await store.create({ runId: RUN, job: 'nightly' });
      await journal.append(line(1));
      await journal.append(line(2, 'done'));

      const later = await (await reopen().open(RUN)).read();

      expect(later).toEqual([line(1), line(2, 'done')]);
    });

    test('open runs are listed oldest first, by job or all, until they are closed', async () => {
      const { store, reopen } = await makeWorld();
      await store.create({ runId: LATER, job: 'weekly' });
      await store.create({ runId: RUN, job: 'nightly' });

      expect(await reopen().openRuns()).toEqual([
        { runId: RUN, job: 'nightly' },
        { runId: LATER, job: 'weekly' },
      ]);
      expect(await store.openRuns('weekly')).toEqual([{ runId: LATER, job: 'weekly' }]);
      await store.close(RUN);
      expect(await reopen().openRuns()).toEqual([{ runId: LATER, job: 'weekly' }]);
    });

    test('a closed run stays readable, and closing it again is success', async () => {
      const { store, reopen } = await makeWorld();
      await (await store.create({ runId: RUN, job: 'nightly' })).append(line(1));
      await store.close(RUN);
      await store.close(RUN);

      expect(await (await reopen().open(RUN)).read()).toEqual([line(1)]);
      expect(await store.closedRuns(5)).toEqual([{ runId: RUN, job: 'nightly' }]);
    });

    test('a run whose snapshot is kept is neither open nor closed, can be written to, and can be closed later', async () => {
      const { store, reopen } = await makeWorld();
      await (await store.create({ runId: RUN, job: 'nightly' })).append(line(1));
      await store.keep(RUN);
      await store.keep(RUN);

      expect(await reopen().keptRuns()).toEqual([{ runId: RUN, job: 'nightly' }]);
      expect([...(await store.openRuns()), ...(await store.closedRuns(5))]).toEqual([]);
      await (await reopen().open(RUN)).append(line(2));
      await store.close(RUN);

      expect(await (await store.open(RUN)).read()).toEqual([line(1), line(2)]);
      expect(await store.keptRuns()).toEqual([]);
      expect(await store.closedRuns(5)).toEqual([{ runId: RUN, job: 'nightly' }]);
    });

    test('a run id is given out once', async () => {
      const { store } = await makeWorld();
      await store.create({ runId: RUN, job: 'nightly' });

      await expect(store.create({ runId: RUN, job: 'nightly' })).rejects.toMatchObject({ code: 'E_JOURNAL' });
    });

    test('an unknown run is an error that names it', async () => {
      const { store } = await makeWorld();

      await expect(store.open(RUN)).rejects.toMatchObject({ code: 'E_JOURNAL', message: expect.stringContaining(RUN) });
    });
  });
}
