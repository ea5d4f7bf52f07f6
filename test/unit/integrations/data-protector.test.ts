import { dataProtector } from '../../../integrations/data-protector/integration.ts';
import { describeIntegration } from '../../contract/integration.ts';

const SESSION = {
  DATALIST: 'nightly sql',
  MODE: 'incr1',
  OWNER: 'ADMIN.OPERATORS@cell',
  PREVIEW: '0',
  RESTARTED: '0',
  SESSIONKEY: 'R-2026/11/26-4',
};

describeIntegration(dataProtector, [
  {
    title: 'before a session: the specification is the job, the key of the running session its id',
    call: { phase: 'pre', env: SESSION },
    means: { phase: 'pre', job: 'nightly sql', runId: 'R-2026/11/26-4', level: 'incremental' },
  },
  {
    title: 'a preview plans and touches nothing',
    call: { phase: 'pre', env: { ...SESSION, PREVIEW: '1', MODE: 'full' } },
    means: { phase: 'check', job: 'nightly sql', runId: 'R-2026/11/26-4', level: 'full' },
  },
  {
    title: 'after a preview there is nothing to do',
    call: { phase: 'post', env: { PREVIEW: '1' } },
    means: { phase: 'none' },
  },
  ...(
    [
      ['0', 'ok'],
      ['10', 'warning'],
      ['11', 'failed'],
      ['12', 'failed'],
      ['13', 'cancelled'],
      ['99', 'unknown'],
    ] as const
  ).map(([SMEXIT, outcome]) => ({
    title: `SMEXIT ${SMEXIT} means ${outcome}`,
    call: { phase: 'post' as const, env: { ...SESSION, SMEXIT } },
    means: { phase: 'post' as const, job: 'nightly sql', runId: 'R-2026/11/26-4', level: 'incremental', outcome },
  })),
  {
    title: 'a post-exec that knows only the id of the ended session ends whatever run is open',
    call: { phase: 'post', env: { DATALIST: 'x', SESSIONID: '2026/11/26-4', SMEXIT: '0' } },
    means: { phase: 'post', job: 'x', runId: undefined, level: undefined, outcome: 'ok' },
  },
]);
