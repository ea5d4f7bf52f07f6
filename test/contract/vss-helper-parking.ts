import { type HelperBench, RESULT, WRITER } from './vss-helper-bench.ts';

/** Full sets, which outlive the process that made them. */
export function parkPromises(bench: HelperBench): void {
  /** A full set that its process has left behind, and a writer that waits for the end of the backup. */
  const parked = async (set: string) => {
    const helper = await bench.start();
    await bench.prepare(helper, { set, backupType: 'full' });
    await bench.freeze(helper);
    await bench.finish(helper);
    await helper.command({ command: 'park', hours: 1 });
    await helper.expect('parked');
    await helper.command({ command: 'quit' });
    expect(await helper.exited).toBe(0);
  };
  const resume = async (set: string) => {
    const helper = await bench.start();
    await helper.command({ command: 'resume', set });
    return { helper, resumed: await helper.expect('resumed') };
  };

  test('a parked full set outlives its process and is completed by another one, which alone truncates the log', async () => {
    await parked('run-0001');
    expect(bench.world.logTruncations()).toBe(0);

    const { helper, resumed } = await resume('run-0001');
    expect(resumed.phase).toBe('finished');
    expect(bench.writerIn(resumed)).toMatchObject({ state: WRITER.waitingForBackupComplete, result: RESULT.ok });
    expect(bench.world.logTruncations()).toBe(0);
    await helper.command({ command: 'complete', success: true });

    expect(bench.writerIn(await helper.expect('completed'))).toMatchObject({ state: WRITER.stable, result: RESULT.ok });
    expect(bench.world.logTruncations()).toBe(1);
    await helper.command({ command: 'resume', set: 'run-0001' });
    expect(await helper.expect('failed')).toMatchObject({ result: RESULT.objectNotFound });
  });

  test('a parked full set that is completed without success truncates no log', async () => {
    await parked('run-0001');
    const { helper } = await resume('run-0001');
    await helper.command({ command: 'complete', success: false });

    await helper.expect('completed');

    expect(bench.world.logTruncations()).toBe(0);
  });

  test('a process that ends after it resumed a set leaves it parked', async () => {
    await parked('run-0001');
    const { helper } = await resume('run-0001');
    await helper.endInput();
    await helper.exited;

    const again = await resume('run-0001');
    await bench.abort(again.helper);

    expect(bench.world.logTruncations()).toBe(0);
  });

  test('a full set whose process ends without having parked it is aborted', async () => {
    const helper = await bench.start();
    await bench.prepare(helper, { backupType: 'full' });
    await bench.freeze(helper);
    await bench.finish(helper);
    await helper.endInput();
    await helper.exited;

    const next = await bench.start();
    await next.command({ command: 'resume', set: 'run-0001' });
    expect(await next.expect('failed')).toMatchObject({ result: RESULT.objectNotFound });
    expect(bench.world.logTruncations()).toBe(0);
  });

  test('while one set is parked another can be made and parked, and each is completed by its name', async () => {
    await parked('run-0001');
    await parked('run-0002');

    const second = await resume('run-0002');
    await second.helper.command({ command: 'complete', success: false });
    await second.helper.expect('completed');
    const first = await resume('run-0001');
    await first.helper.command({ command: 'complete', success: true });
    await first.helper.expect('completed');

    expect(bench.world.logTruncations()).toBe(1);
  });

  test('neither a second full set of a parked name nor a ninth one is begun, and what is parked stays', async () => {
    const refused = async (set: string) => {
      const helper = await bench.start();
      await helper.command(bench.prepareCommand({ set, backupType: 'full' }));
      return await helper.expect('failed');
    };
    await parked('run-0001');
    expect(await refused('run-0001')).toMatchObject({ phase: 'prepare', result: RESULT.objectAlreadyExists });
    for (let number = 2; number <= 8; number += 1) await parked(`run-000${number}`);
    expect(await refused('run-0009')).toMatchObject({ phase: 'prepare', result: RESULT.writerStatusNotAvailable });

    const { helper } = await resume('run-0001');
    await helper.command({ command: 'complete', success: false });
    await helper.expect('completed');
    await parked('run-0009');
  });

  test.each([
    ['a copy set', { backupType: 'copy' }],
    ['a set that is not finished', { backupType: 'full' }],
  ])('%s cannot be parked', async (what, changes) => {
    const helper = await bench.start();
    await bench.prepare(helper, changes);
    if (what === 'a copy set') {
      await bench.freeze(helper);
      await bench.finish(helper);
    }
    await helper.command({ command: 'park', hours: 1 });

    expect(await helper.expect('failed')).toMatchObject({ result: RESULT.badState });
  });

  test.each([0, 169])('%d hours in park are refused', async (hours) => {
    const helper = await bench.start();
    await helper.command({ command: 'park', hours });

    expect(await helper.expect('failed')).toMatchObject({ result: RESULT.invalidArgument });
  });
}
