import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { SEED } from '../seed.ts';
import { HelperProcess, prepareLine } from './helper-process.ts';
import { type LoopDisk, makeDisk, removeDisks } from './loop-disk.ts';
import { sanitizedHelperProgram } from './special-helpers.ts';

const REPLAY = `TEST_SEED=${SEED} npm run test:freeze -- test/freeze/garbage`;
const ROUNDS = 60;

let disk: LoopDisk;
let state = SEED;

beforeAll(() => {
  disk = makeDisk('ext4');
});

afterEach(() => HelperProcess.killAll());
afterAll(removeDisks);

/** A linear congruential generator is random enough for garbage. */
function below(limit: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * limit);
}

const pick = <T>(items: readonly [T, ...T[]]): T => items[below(items.length)] ?? items[0];

const noise = (): string => Array.from({ length: below(80) }, () => String.fromCharCode(below(256))).join('');

const piece = (): string =>
  pick([
    () => pick(['facts', 'prepare', 'filesystem', 'ready', 'freeze', 'status', 'abort', 'T', ' ', '\\', '\\4', '-']),
    () =>
      `prepare ${below(400)} ${below(100_000)} ${below(3000)} ${pick(['-', '/', '/nowhere', '\\057etc', noise()])}\n`,
    () => `filesystem ${pick([disk.device, '8:1', noise()])} ${pick([disk.mountPoint, '/', '/proc', `/${noise()}`])}\n`,
    () => pick(['ready\n', 'freeze\n', 'status\n', 'T', 'abort\n', 'facts\n', '\n', '\0\n', '\r\n']),
    () => noise(),
    () => `${'y'.repeat(below(60_000))}\n`,
  ])();

test('sanitized and fed with garbage, the helper answers or ends, and never breaks a rule of C', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const helper = new HelperProcess(sanitizedHelperProgram);
    await helper.expect('hello');
    if (round % 3 === 0) helper.say(`${prepareLine({ leaseMs: 100 })}filesystem ${disk.device} ${disk.mountPoint}\n`);
    for (let count = below(30); count >= 0; count -= 1) helper.say(piece());
    helper.endInput();
    expect([round, REPLAY, await helper.ended, helper.stderr]).toEqual([round, REPLAY, 0, '']);
  }
}, 120_000);

test('sanitized, a whole session with a lease that ends and a release by another process', async () => {
  for (const end of ['T', '', 'abort\n']) {
    const helper = new HelperProcess(sanitizedHelperProgram);
    const { bootId, token } = await helper.expect('hello');
    helper.say(`${prepareLine({ leaseMs: 500 })}filesystem ${disk.device} ${disk.mountPoint}\nready\n`);
    await helper.expect('ready');
    helper.say('freeze\n');
    await helper.expect('frozen');
    helper.say(end);
    if (end === '') await promisify(execFile)(sanitizedHelperProgram, ['release', bootId, token]);
    await helper.expect(end === 'T' ? 'thawed' : 'expired');
    await helper.expect('finished');
    helper.endInput();
    expect([await helper.ended, helper.stderr]).toEqual([0, '']);
  }
});
