import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openSite, type Site } from '../main-job/site.ts';
import { configWith, expectClean, hookCommand, start, startHook, until } from './product.ts';

let site: Site;
beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site.close());
afterEach(() => expectClean(site));

type HangAt = readonly (readonly [call: string, path: string])[];

/** The pre hook on a machine where these calls of the file system never come back, interrupted when it meets the first of them. */
async function interruptedPre(deadlineSeconds: number, hangAt: HangAt) {
  const config = configWith(site.lab, { deadlineSeconds });
  const fifo = path.join(mkdtempSync(path.join(os.tmpdir(), 'snaphook-hang-')), 'fifo');
  execFileSync('mkfifo', [fifo]);
  const [node = '', ...program] = hookCommand('pre-backup');
  const args = ['--require', path.join(__dirname, 'hang-at.cjs'), ...program, '--config', config, '--job', 'presented'];
  const env = { PATH: process.env.PATH, HANG_AT: JSON.stringify(hangAt), HANG_FIFO: fifo };
  const pre = start([node, ...args], { env });
  await until(() => pre.stderr().includes('a call hangs here'));
  pre.signalGroup('SIGTERM');
  return { config, ...(await pre.ended) };
}

// The hung call is a real one: Node cannot exit beside it, and ends by SIGKILL.
test.each([
  ['is opened', 'open'],
  ['is read, in a thread', 'readSync'],
])(
  'a target device that never answers when it %s: a pre hook that is told to stop undoes everything, and the program ends',
  async (_when, call) => {
    const { signal, stderr } = await interruptedPre(60, [[call, 'wwn-0x']]);

    expect(signal).toBe('SIGKILL');
    expect(stderr).toMatch(/\[E_INTERRUPTED\].*in place of exit code 143\n$/s);
  },
);

test('a hand-over directory that never answers: the array is released all the same, the program ends, post removes the rest', async () => {
  const { config, signal, stderr } = await interruptedPre(20, [
    ['open', '[.]raw[.]partial$'],
    ['readdir', '/export'],
  ]);

  expect(signal).toBe('SIGKILL');
  expect(stderr).toMatch(/left something behind: undoing step "export" of run "\S+" took longer than \d+ ms/);
  expect(stderr).toMatch(/in place of exit code 20\n$/);
  expect(site.leftBehind().filter((left) => /snapshot|link|member|guest|session/.test(left))).toEqual([]);
  expect((await startHook('post-backup', ['--config', config, '--job', 'presented']).ended).exitCode).toBe(0);
});
