import { VSS_HELPER_PROTOCOL } from '../../src/guest/windows/vss-helper-protocol.ts';
import { describeVssHelper } from '../contract/vss-helper.ts';
import { HelperConversation } from '../contract/vss-helper-conversation.ts';
import { WineMachine } from './wine-helper-world.ts';

const machine = new WineMachine();
beforeAll(() => machine.start());
afterAll(() => machine.stop());

describeVssHelper('for Windows', () => Promise.resolve(machine.world()));

describe('the helper for Windows', () => {
  const prepare = (disks: readonly string[], changes: object = {}) => ({
    command: 'prepare',
    protocol: VSS_HELPER_PROTOCOL,
    set: 'run-0001',
    disks,
    backupType: 'copy',
    mode: 'commit',
    holdMs: 9000,
    excludedWriters: [],
    bootableState: false,
    ...changes,
  });

  /** What ends a dead process's set is Windows, or the service: not at once. */
  const expectNothingInProgress = async (disks: readonly string[]) => {
    const next = new HelperConversation(machine.serve());
    await next.expect('hello');
    let isPrepared = false;
    for (let attempt = 0; !isPrepared && attempt < 50; attempt += 1) {
      await next.command(prepare(disks));
      isPrepared = await next.expect('prepared').then(
        () => true,
        () => false,
      );
    }
    expect(isPrepared).toBe(true);
    await next.leave();
  };

  test.each(['copy', 'full'])(
    'a client that dies while a %s set is held leaves nothing frozen and nothing in progress',
    async (backupType) => {
      const world = machine.world();
      const run = machine.serve();
      const dying = new HelperConversation(run);
      await dying.expect('hello');
      await dying.command(prepare(world.disks, { backupType }));
      await dying.expect('prepared');
      await dying.command({ command: 'freeze' });
      await dying.expect('frozen');

      run.kill();
      await run.exited;

      await expectNothingInProgress(world.disks);
      await world.close();
    },
  );

  test('a service that ends while it holds leaves nothing frozen, and whoever speaks through it is told', async () => {
    const world = machine.world();
    const run = machine.serve();
    const helper = new HelperConversation(run);
    await helper.expect('hello');
    await helper.command(prepare(world.disks, { backupType: 'full' }));
    await helper.expect('prepared');
    await helper.command({ command: 'freeze' });
    await helper.expect('frozen');

    machine.stopService();

    expect(await run.exited).toBe(1);
    expect(run.said()).toContain("the service 'snaphook-vss' has ended");
    await expectNothingInProgress(world.disks);
    expect(world.logTruncations()).toBe(0);
    await world.close();
  });

  test('a set that is given up after prepare leaves no provider that offers itself to others', async () => {
    const world = machine.world();
    const helper = new HelperConversation(machine.serve());
    await helper.expect('hello');
    await helper.command(prepare(world.disks));
    await helper.expect('prepared');

    await helper.command({ command: 'abort' });
    await helper.expect('aborted');

    expect(machine.notes()).toContain('requestor AbortBackup');
    expect(machine.notes()).not.toContain('provider offered to others');
    await helper.leave();
    await world.close();
  });

  test('lines without end, bytes that are no text, and a flood of release bytes are survived', async () => {
    const world = machine.world();
    const helper = new HelperConversation(machine.serve());
    await helper.expect('hello');

    await helper.write(Buffer.from(`{"command":"status"}${' '.repeat(200_000)}\n`));
    expect(await helper.expect('failed')).toMatchObject({ phase: 'idle', result: '0x80070057' });
    await helper.write(Buffer.from([0xff, 0xfe, 0x00, 0x22, 0x0a]));
    expect(await helper.expect('failed')).toMatchObject({ phase: 'idle', result: '0x80070057' });
    await helper.write(Buffer.alloc(1_000_000, 'T'));
    await helper.command(prepare(world.disks));
    await helper.expect('prepared');
    await helper.command({ command: 'freeze' });
    await helper.expect('frozen');
    await helper.write(Buffer.alloc(1_000_000, 'T'));
    await helper.expect('thawed');
    expect((await helper.expect('finished')).result).toBe('0x0004230A');

    await helper.leave();
    await world.close();
  });

  test('with Exchange, which stays frozen for 20 s only, 18 s are the longest hold, unless it is excluded', async () => {
    const exchange = '76fe1ac4-15f7-4bcd-987e-8e1acb462fb7';
    const world = machine.world();
    machine.change(`writer.0=${exchange}`);
    const helper = new HelperConversation(machine.serve());
    await helper.expect('hello');

    await helper.command(prepare(world.disks, { mode: 'precommit', holdMs: 18_001 }));
    expect(await helper.expect('failed')).toMatchObject({ phase: 'prepare', result: '0x80070057' });
    await helper.command(prepare(world.disks, { mode: 'precommit', holdMs: 18_000 }));
    await helper.expect('prepared');
    await helper.command({ command: 'abort' });
    await helper.expect('aborted');
    await helper.command(prepare(world.disks, { mode: 'precommit', holdMs: 55_000, excludedWriters: [exchange] }));
    await helper.expect('prepared');
    await helper.leave();
    await world.close();
  });

  test('a component that is left out names the volume it lacks, where it is mounted', async () => {
    const world = machine.world();
    const helper = new HelperConversation(machine.serve());
    await helper.expect('hello');

    await helper.command(prepare(world.disks.slice(0, 1)));

    expect((await helper.expect('prepared')).excludedComponents).toEqual([
      { writer: world.writer, component: 'HOST\\app', reason: 'D:\\logs\\' },
      { writer: 'e8132975-6f93-4464-a53e-1050253ae220', component: 'System Files', reason: 'C:\\' },
    ]);
    await helper.leave();
    await world.close();
  });

  test('its version is one line, and a machine without VSS is told so by install, as a failure', () => {
    const version = machine.run('version');
    expect(version.exitCode).toBe(0);
    expect(JSON.parse(version.stdout)).toMatchObject({ event: 'version', protocol: VSS_HELPER_PROTOCOL });

    const install = machine.run('install');
    expect(install.exitCode).toBe(1);
    expect(JSON.parse(install.stdout)).toMatchObject({ event: 'failed', phase: 'idle' });
  });
});
