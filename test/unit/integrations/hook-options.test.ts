import { readHookOptions } from '../../../integrations/hook-options.ts';

test('everything may come from the environment, and an option wins over its variable', () => {
  const env = {
    SNAPHOOK_INTEGRATION: 'bacula',
    SNAPHOOK_JOB: 'from env',
    SNAPHOOK_VMS: 'sql01, sql02\nuuid:x\n',
    SNAPHOOK_CONFIG: '/etc/x.yaml',
    SNAPHOOK_INSTANCE: 'srv1',
    SNAPHOOK_RUN_ID: '42',
    SNAPHOOK_LEVEL: 'full',
    SNAPHOOK_OUTCOME: 'success',
    SNAPHOOK_LIMIT_SECONDS: '600',
    SNAPHOOK_LOG: '/var/log/x.log',
  };

  expect(readHookOptions([], env)).toEqual({
    integration: 'bacula',
    job: 'from env',
    instance: 'srv1',
    runId: '42',
    level: 'full',
    outcome: 'success',
    vms: ['sql01', 'sql02', 'uuid:x'],
    configFile: '/etc/x.yaml',
    onOpenRun: undefined,
    limitSeconds: 600,
    logFile: '/var/log/x.log',
    json: false,
    debug: false,
    help: false,
    words: [],
  });
  expect(readHookOptions(['--job', 'nightly', '--vm', 'a,b', '--vm', 'c', '--limit-seconds=0'], env)).toMatchObject({
    job: 'nightly',
    vms: ['a,b', 'c'],
    limitSeconds: 0,
  });
});

test.each([
  [['--job'], /argument/],
  [['--outcome', 'maybe'], /outcome/],
  [['--jbo', 'x'], /--jbo/],
  [['--job', 'x', 'extra'], /extra/],
  [['--job', 'x', '--on-open-run', 'never'], /"never"/],
  [['--limit-seconds', '5m'], /"5m"/],
])('a call with %j is a usage error that says why', (argv, message) => {
  expect(() => readHookOptions(argv, {})).toThrow(
    expect.objectContaining({ code: 'E_USAGE', message: expect.stringMatching(message) }),
  );
});

test('odd job names are taken as they are', () => {
  for (const job of ['Täglich / SQL', '../../x', '$(reboot)', '"quoted"', '-dash', '%p']) {
    expect(readHookOptions([`--job=${job}`], {})).toMatchObject({ job });
  }
});

test('what a product puts in empty counts as not given', () => {
  expect(readHookOptions(['--job=', '--run-id=', '--level=', '--vm='], { SNAPHOOK_JOB: 'nightly' })).toMatchObject({
    job: 'nightly',
    runId: undefined,
    level: undefined,
    vms: [],
  });
});

test('what a product adds by itself stands behind -- and is never read as an option of ours', () => {
  const { words, json } = readHookOptions(['--job', 'x', '--', '-bkplevel', '1', '--json', '--', ''], {});

  expect(words).toEqual(['-bkplevel', '1', '--json', '--', '']);
  expect(json).toBe(false);
});
