import { vzdump } from '../../../integrations/vzdump/integration.ts';
import { describeIntegration } from '../../contract/integration.ts';

const env = { STOREID: 'backup', DUMPDIR: '/mnt/pve/backup/dump' };

describeIntegration(vzdump, [
  { title: 'the job starts', call: { words: ['job-start'], env }, means: { phase: 'pre', instance: 'backup' } },
  {
    title: 'the job ends, also when guests of it failed: no success',
    call: { words: ['job-end'], env },
    means: { phase: 'post', instance: 'backup', outcome: 'unknown' },
  },
  {
    title: 'the job is given up, with nothing in the environment',
    call: { words: ['job-abort'], env: { STOREID: '' } },
    means: { phase: 'post', outcome: 'failed' },
  },
  ...['job-init', 'backup-start', 'pre-stop', 'backup-end', 'backup-abort', 'log-end', 'toString'].map((word) => ({
    title: `${word} is nothing of ours`,
    call: { words: [word, 'snapshot', '101'], env: { VMTYPE: 'qemu', HOSTNAME: 'web01' } },
    means: { phase: 'none' } as const,
  })),
]);

test('a script that does not pass the words on is told so', () => {
  expect(() => vzdump.read({ phase: 'pre', words: [], env: {} })).toThrow(expect.objectContaining({ code: 'E_USAGE' }));
});
