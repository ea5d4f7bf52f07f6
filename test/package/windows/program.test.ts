import { leftByKilled } from '../../left-behind.ts';
import { openWineSite, type WineSite, winePath } from './wine.ts';

let wine: WineSite;
beforeAll(async () => {
  wine = await openWineSite();
});
afterAll(() => wine.close());

const job = () => ['--job', 'nightly', '--config', winePath(wine.site.lab.configFile), '--json'];

test('snaphook.exe says its version and its verbs', async () => {
  // Not what is on stderr: Wine itself complains there now and then when its first program starts.
  expect(await wine.run('snaphook.exe', '--version')).toMatchObject({ exitCode: 0, stdout: `${__VERSION__}\n` });
  expect((await wine.run('snaphook.exe', '--help')).stdout).toContain('snaphook plan');
});

test('a copy by the name of a hook is the hook, and its exit code says what is wrong', async () => {
  expect((await wine.run('pre-backup.exe', '--help')).stdout).toContain('Usage: pre-backup --job NAME');
  expect((await wine.run('pre-backup.exe')).exitCode).toBe(2);
  const withoutConfig = await wine.run('post-backup.exe', '--job', 'nightly', '--config', 'C:\\nonexistent.yaml');
  expect(withoutConfig.exitCode).toBe(10);
});

test('plan, pre and post work against the lab, and nothing is left', async () => {
  expect(await wine.run('snaphook.exe', 'plan', ...job())).toMatchObject({ exitCode: 0 });
  const pre = await wine.run('pre-backup.exe', ...job());
  expect(pre).toMatchObject({ exitCode: 0 });
  expect(JSON.parse(pre.stdout)).toMatchObject({ ok: true, vms: [{ name: 'sql01', grade: 'application' }] });
  const post = await wine.run('post-backup.exe', ...job());
  expect(post).toMatchObject({ exitCode: 0 });
  expect(leftByKilled(wine.site.lab)).toEqual([]);
});
