import { MAX_HOLD_MS } from '../../src/guest/windows/vss-helper-protocol.ts';
import { type HelperBench, RESULT } from './vss-helper-bench.ts';

/** How long and where the provider holds. */
export function holdPromises(bench: HelperBench): void {
  test('between frozen and the release byte the application stands still and the helper says nothing', async () => {
    const helper = await bench.start();
    await bench.prepare(helper);
    expect(await bench.progresses()).toBe(true);

    await bench.freeze(helper);
    const atFreeze = bench.world.applicationProgress();
    await bench.hold(0.4);
    expect(bench.world.applicationProgress()).toBe(atFreeze);
    expect(helper.pending).toEqual([]);

    await helper.release();
    expect((await helper.expect('thawed')).heldMs).toBeGreaterThan(0.3 * MAX_HOLD_MS.commit);
    expect(await bench.progresses()).toBe(true);
  });

  test('without a release byte the hold expires after holdMs, the set fails and the application goes on', async () => {
    const helper = await bench.start();
    await bench.prepare(helper, { holdMs: 2000 });
    await bench.freeze(helper);

    const expired = await helper.expect('expired');
    const finished = await helper.expect('finished');

    expect(expired.heldMs).toBeGreaterThanOrEqual(1990);
    expect(expired.heldMs).toBeLessThan(MAX_HOLD_MS.commit);
    expect(finished.result).toMatch(/^0x8/);
    expect(bench.writerIn(finished)?.result).not.toBe(RESULT.ok);
    expect(await bench.progresses()).toBe(true);
    await helper.command({ command: 'complete', success: true });
    expect(await helper.expect('failed')).toMatchObject({ phase: 'complete', result: RESULT.badState });
  });

  test.each([
    ['commit', 9001],
    ['precommit', 55_001],
    ['commit', 0],
  ])('a hold in %s of %d ms is refused', async (mode, holdMs) => {
    const helper = await bench.start();
    await helper.command(bench.prepareCommand({ mode, holdMs }));

    expect(await helper.expect('failed')).toMatchObject({ result: RESULT.invalidArgument });
    await bench.prepare(helper);
  });

  test('the longest hold of writes ends before the 10 s of Windows', async () => {
    const helper = await bench.start();
    await bench.prepare(helper);
    await bench.freeze(helper);

    const expired = await helper.expect('expired');

    expect(expired.heldMs).toBeGreaterThanOrEqual(MAX_HOLD_MS.commit - 10);
    expect(expired.heldMs).toBeLessThan(10_000);
  });

  test('in precommit the application stands still while other programs write, until the release byte', async () => {
    const helper = await bench.start();
    await bench.prepare(helper, { mode: 'precommit', holdMs: 55_000 });
    await bench.freeze(helper);
    const atFreeze = bench.world.applicationProgress();

    expect(bench.world.fileWritesHeld()).toBe(false);
    await bench.hold(0.2);
    expect(bench.world.applicationProgress()).toBe(atFreeze);
    expect(helper.pending).toEqual([]);
    await helper.release();

    await helper.expect('thawed');
    expect((await helper.expect('finished')).result).toBe(RESULT.finished);
    expect(await bench.progresses()).toBe(true);
  });

  test('in precommit, too, a hold expires after holdMs, and the set fails', async () => {
    const helper = await bench.start();
    await bench.prepare(helper, { mode: 'precommit', holdMs: 2000 });
    await bench.freeze(helper);

    expect((await helper.expect('expired')).heldMs).toBeGreaterThanOrEqual(1990);
    expect((await helper.expect('finished')).result).toMatch(/^0x8/);
    expect(await bench.progresses()).toBe(true);
  });
}
