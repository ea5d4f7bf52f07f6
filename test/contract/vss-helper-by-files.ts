import { randomBytes } from 'node:crypto';
import { VSS_HELPER_PROTOCOL } from '../../src/guest/windows/vss-helper-protocol.ts';
import { until } from '../lab/guest/until.ts';
import type { HelperWorld } from './vss-helper-bench.ts';

/** A session whose events go to a file. */
export interface HeldHelper {
  /** Exit code. */
  readonly exited: Promise<number>;
  kill(): void;
  /** What its file says. */
  output(): string;
}

/** A machine whose helper is started with words, and has neither input nor output. */
export interface HelperByFiles {
  readonly world: HelperWorld;
  hold(name: string): HeldHelper;
  /** Runs the helper with these words, while other things go on, and resolves with its exit code. */
  call(...words: string[]): Promise<number>;
}

const RELEASE = '54';
const FINISHED = '0x0004230A';
const LIMIT_MS = 30_000;

const inHex = (command: object) => Buffer.from(`${JSON.stringify(command)}\n`).toString('hex');

/** Starts programs and reads one file, and does nothing else. */
class FileClient {
  readonly name = randomBytes(16).toString('hex');
  readonly session: HeldHelper;
  readonly #machine: HelperByFiles;

  constructor(machine: HelperByFiles) {
    this.#machine = machine;
    this.session = machine.hold(this.name);
  }

  tell(hex: string): Promise<number> {
    return this.#machine.call('tell', this.name, hex);
  }

  awaitFrozen(): Promise<number> {
    return this.#machine.call('await', this.name);
  }

  events(): readonly Record<string, unknown>[] {
    const lines = this.session.output().split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line));
  }

  names(): readonly unknown[] {
    return this.events().map(({ event }) => event);
  }

  async see(event: string): Promise<void> {
    await until(() => this.names().includes(event), LIMIT_MS);
  }

  /** Until everything stands still. */
  async freeze(world: HelperWorld, changes: object = {}): Promise<void> {
    await this.see('hello');
    const prepare = {
      command: 'prepare',
      protocol: VSS_HELPER_PROTOCOL,
      set: 'run-0001',
      disks: world.disks,
      backupType: 'copy',
      mode: 'commit',
      holdMs: 9000,
      excludedWriters: [],
      bootableState: false,
      ...changes,
    };
    expect(await this.tell(inHex(prepare))).toBe(0);
    await this.see('prepared');
    const frozen = this.awaitFrozen();
    expect(await this.tell(inHex({ command: 'freeze' }))).toBe(0);
    expect(await frozen).toBe(0);
  }

  async quit(): Promise<void> {
    expect(await this.tell(inHex({ command: 'quit' }))).toBe(0);
    expect(await this.session.exited).toBe(0);
  }
}

/** What `hold`, `tell` and `await` of every helper promise (docs/vss-helper-protocol.md). */
export function describeHelperByFiles(name: string, make: () => Promise<HelperByFiles>): void {
  describe(`the VSS helper ${name}, by programs and a file,`, () => {
    let machine: HelperByFiles;
    beforeEach(async () => {
      machine = await make();
    });
    afterEach(() => machine.world.close());

    test.each(['copy', 'full'])(
      'a client that can only start programs and read files freezes and releases a %s set, and nothing gets into the file meanwhile',
      async (backupType) => {
        const client = new FileClient(machine);
        await client.freeze(machine.world, { backupType });

        expect(machine.world.fileWritesHeld()).toBe(true);
        expect(client.names()).toEqual(['hello', 'prepared']);
        expect(await client.tell(RELEASE)).toBe(0);
        await client.see('finished');

        expect(client.names()).toEqual(['hello', 'prepared', 'frozen', 'thawed', 'finished']);
        expect(client.events().at(-1)).toMatchObject({ result: FINISHED });
        expect(machine.world.fileWritesHeld()).toBe(false);
        await client.quit();
      },
    );

    test('a hold that nobody releases ends by itself, and its file says so', async () => {
      const client = new FileClient(machine);
      await client.freeze(machine.world, { holdMs: 1500 });

      await client.see('finished');

      expect(client.names()).toEqual(['hello', 'prepared', 'frozen', 'expired', 'finished']);
      expect(client.events().at(-1)).not.toMatchObject({ result: FINISHED });
      expect(machine.world.fileWritesHeld()).toBe(false);
      await client.quit();
    });

    test('a session that dies while everything stands still leaves nothing frozen, and the next one works', async () => {
      const dying = new FileClient(machine);
      await dying.freeze(machine.world);

      dying.session.kill();
      await dying.session.exited;

      await until(() => !machine.world.fileWritesHeld(), LIMIT_MS);
      expect(await dying.tell(RELEASE)).toBe(1);
      const next = new FileClient(machine);
      await next.freeze(machine.world);
      expect(await next.tell(RELEASE)).toBe(0);
      await next.see('finished');
      expect(next.events().at(-1)).toMatchObject({ result: FINISHED });
      await next.quit();
    });

    test('words of several programs at the same time all arrive, each of them whole', async () => {
      const client = new FileClient(machine);
      await client.see('hello');

      const status = inHex({ command: 'status' });
      expect(await Promise.all([1, 2, 3, 4].map(() => client.tell(status)))).toEqual([0, 0, 0, 0]);

      await until(() => client.names().length === 5, LIMIT_MS);
      expect(client.names().slice(1)).toEqual(['status', 'status', 'status', 'status']);
      await client.quit();
    });

    test('a name that is none, bytes that are none, and a session that is not there are refused', async () => {
      const nobody = randomBytes(16).toString('hex');

      expect(await machine.call('hold', 'nightly', 'events.jsonl')).toBe(2);
      expect(await machine.call('tell', `..\\${nobody.slice(3)}`, RELEASE)).toBe(2);
      expect(await machine.call('tell', nobody, '5')).toBe(2);
      expect(await machine.call('await', nobody.toUpperCase().replace(/^./, 'A'))).toBe(2);
      expect(await machine.call('tell', nobody, RELEASE)).toBe(1);
      expect(await machine.call('await', nobody)).toBe(1);
    });

    test('a name and a file that another session has are not shared', async () => {
      const client = new FileClient(machine);
      await client.see('hello');

      expect(await machine.hold(client.name).exited).toBe(1);

      expect(await client.tell(inHex({ command: 'status' }))).toBe(0);
      await client.see('status');
      await client.quit();
      expect(await machine.hold(client.name).exited).toBe(1);
      expect(client.names()).toEqual(['hello', 'status']);
    });
  });
}
