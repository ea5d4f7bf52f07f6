import { cohesity } from '../../../integrations/cohesity/integration.ts';
import { describeIntegration } from '../../contract/integration.ts';

const ENV = {
  COHESITY_JOB_ID: '1207',
  COHESITY_JOB_NAME: 'Nightly Täglich "SQL"',
  COHESITY_BACKUP_TYPE: 'kRegular',
  COHESITY_BACKUP_ENTITY: 'sql01',
  COHESITY_BACKUP_HOST_ENTITY: '',
  COHESITY_CLUSTER_IP_ADDRESSES: '10.0.0.1,10.0.0.2',
};
const OF_GROUP = { job: 'Nightly Täglich "SQL"', instance: '1207', level: 'incremental' };

describeIntegration(
  cohesity,
  [
    {
      title: 'each object of a protection group is a call of its own',
      call: { phase: 'pre', env: ENV },
      means: { phase: 'pre', ...OF_GROUP, member: { name: 'sql01' } },
    },
    {
      title: 'the object is the VM where the parameters say so',
      call: { phase: 'pre', words: ['vm-from-entity'], env: ENV },
      means: { phase: 'pre', ...OF_GROUP, member: { name: 'sql01' }, vms: ['sql01'] },
    },
    {
      title: 'an empty parameter string is none',
      call: { phase: 'post', words: [''], env: { ...ENV, COHESITY_JOB_STATUS: 'SUCCEEDED' } },
      means: { phase: 'post', ...OF_GROUP, member: { name: 'sql01' }, outcome: 'ok' },
    },
    {
      title: 'a backup of logs that failed',
      call: {
        phase: 'post',
        env: { ...ENV, COHESITY_BACKUP_TYPE: 'kLog', COHESITY_JOB_STATUS: 'ERRORED' },
      },
      means: { phase: 'post', ...OF_GROUP, level: 'log', member: { name: 'sql01' }, outcome: 'failed' },
    },
    {
      title: 'a type and a status that nobody knows, and a full backup',
      call: { phase: 'post', env: { COHESITY_BACKUP_TYPE: 'kSystem', COHESITY_JOB_STATUS: '%p' } },
      means: { phase: 'post', job: undefined, instance: undefined, level: 'kSystem', outcome: 'unknown' },
    },
    {
      title: 'without an object it is a call for all',
      call: {
        phase: 'pre',
        env: { COHESITY_JOB_NAME: 'x', COHESITY_BACKUP_TYPE: 'kFull', COHESITY_BACKUP_ENTITY: '' },
      },
      means: { phase: 'pre', job: 'x', instance: undefined, level: 'full' },
    },
  ],
  { limitSeconds: '900' },
);

test('parameters that nobody knows, and an object that is to be the VM and is not there, are refused', () => {
  const read =
    (words: readonly string[], env = {}) =>
    () =>
      cohesity.read({ phase: 'pre', words, env });

  expect(read(['vm-from-entity $(reboot)'], ENV)).toThrow(/"\$\(reboot\)" is unknown/);
  expect(read(['vm-from-entity'])).toThrow(/COHESITY_BACKUP_ENTITY is not set/);
});

test('the scripts hand their parameters on', () => {
  const [pre] = cohesity.installation.items({
    job: 'nightly-sql',
    program: '/usr/bin/snaphook',
    system: 'linux',
    configFile: undefined,
    settings: { limitSeconds: '900' },
  });

  expect(pre).toMatchObject({
    path: '/etc/snaphook/hooks/cohesity-pre-nightly-sql',
    content:
      '#!/bin/sh\nexec /usr/bin/snaphook hook pre --integration=cohesity --job=nightly-sql --limit-seconds=900 -- "$@"\n',
  });
});
