import { burp } from '../../../integrations/burp/integration.ts';
import { describeIntegration } from '../../contract/integration.ts';
import { shellRunsScript } from './installed.ts';

const reserved = ['reserved3', 'reserved4', 'reserved5'];

describeIntegration(burp, [
  { title: 'before the backup', call: { words: ['pre', 'reserved2', ...reserved] }, means: { phase: 'pre' } },
  {
    title: 'before it, with arguments of the administrator',
    call: { words: ['pre', 'reserved2', ...reserved, 'prepare', '--job=vm 1', '%p', ''] },
    means: { phase: 'pre' },
  },
  {
    title: 'after one that succeeded',
    call: { words: ['post', '0', ...reserved] },
    means: { phase: 'post', outcome: 'ok' },
  },
  {
    title: 'after one that failed, or never began',
    call: { words: ['post', '1', ...reserved, 'cleanup'] },
    means: { phase: 'post', outcome: 'failed' },
  },
  { title: 'without reserved words', call: { words: ['post'] }, means: { phase: 'post', outcome: 'unknown' } },
  {
    title: 'the server before it does nothing',
    call: { words: ['pre', 'backup_timed', 'proxy1', '0', '0', 'srvarg'] },
    means: { phase: 'none' },
  },
  {
    title: 'the server after a backup that was cut off',
    call: { words: ['post', 'backup', 'proxy1', '1', '0'] },
    means: { phase: 'post', instance: 'proxy1', outcome: 'failed' },
  },
  {
    title: 'the server after a backup by its timer',
    call: { words: ['post', 'backup_timed', 'proxy1', '0', '0'] },
    means: { phase: 'post', instance: 'proxy1', outcome: 'ok' },
  },
  {
    title: 'the server after a restore',
    call: { words: ['post', 'restore', 'proxy1', '0', '0'] },
    means: { phase: 'none' },
  },
]);

test.each([[[]], [['restore']], [['']]])('%j is refused', (words) => {
  expect(() => burp.read({ phase: undefined, words, env: {} })).toThrow(/neither pre nor post/);
});

test('the script passes the job, and all that burp adds', () => {
  const job = "Täglich / it's $(reboot) %p";
  const items = burp.installation.items({
    job,
    program: '/bin/echo',
    system: 'linux',
    configFile: '/etc/my snaphook.yaml',
    settings: { limitSeconds: '600' },
  });
  const [script] = items.flatMap((item) => (item.kind === 'file' ? [item] : []));

  expect(shellRunsScript(script?.content.replace('/bin/echo', `printf '%s\\n'`) ?? '', ['pre', 'a b', ''])).toEqual([
    'hook',
    '--integration=burp',
    `--job=${job}`,
    '--config=/etc/my snaphook.yaml',
    '--limit-seconds=600',
    '--',
    'pre',
    'a b',
    '',
  ]);
});
