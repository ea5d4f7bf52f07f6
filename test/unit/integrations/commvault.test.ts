import { commvault } from '../../../integrations/commvault/integration.ts';
import { describeIntegration } from '../../contract/integration.ts';

describeIntegration(commvault, [
  {
    title: 'before the scan of a full backup',
    call: { phase: 'pre', words: ['-bkplevel', '1', '-attempt', '1', '-job', '4711'] },
    means: { phase: 'pre', instance: undefined, runId: '4711', attempt: 1, level: 'full' },
  },
  {
    title: 'a database tells its client and instance',
    call: { phase: 'pre', words: '-bkplevel 2 -attempt 2 -job 4711 -cn sql01 -vm MSSQLSERVER'.split(' ') },
    means: { phase: 'pre', instance: 'sql01/MSSQLSERVER', runId: '4711', attempt: 2, level: 'incremental' },
  },
  {
    title: 'after the backup: what the status means is not known',
    call: { phase: 'post', words: '-bkplevel 4 -attempt 1 -status 1 -job 4711'.split(' ') },
    means: { phase: 'post', instance: undefined, runId: '4711', attempt: 1, level: 'differential', outcome: 'unknown' },
  },
  {
    title: '/suppress: nothing is told',
    call: { phase: 'pre', words: [] },
    means: { phase: 'pre', instance: undefined, runId: undefined, level: undefined },
  },
  {
    title: 'levels that nobody knows, empty words, words of a later version, and an option without a value',
    call: {
      phase: 'pre',
      words: ['own words', '', '-bkplevel', '8192', '-job', '-cn', 'Ünïcode "x"', '-vm', '', '-new', '%p'],
    },
    means: { phase: 'pre', instance: 'Ünïcode "x"', runId: undefined, level: '8192' },
  },
]);

test('what Commvault adds to the typed command stands behind --', () => {
  const [pre] = commvault.installation.items({
    job: 'nightly sql',
    program: String.raw`C:\Program Files\snaphook\snaphook.exe`,
    system: 'windows',
    configFile: undefined,
    settings: {},
  });

  expect(pre).toMatchObject({
    text: `${String.raw`"C:\Program Files\snaphook\snaphook.exe" hook pre "--integration=commvault" "--job=nightly sql" --`}\n`,
  });
});
