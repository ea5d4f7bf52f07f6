import { readHookCall } from '../../../integrations/generic/context.ts';

test('everything may come from the environment, and an option wins over its variable', () => {
  const env = {
    SNAPHOOK_JOB: 'from env',
    SNAPHOOK_VMS: 'sql01, sql02\nuuid:x\n',
    SNAPHOOK_CONFIG: '/etc/x.yaml',
    SNAPHOOK_INSTANCE: 'srv1',
    SNAPHOOK_RUN_ID: '42',
    SNAPHOOK_LEVEL: 'full',
  };

  expect(readHookCall([], env)).toEqual({
    context: { job: 'from env', integration: 'generic', instance: 'srv1', productRunId: '42', level: 'full' },
    vms: ['sql01', 'sql02', 'uuid:x'],
    configFile: '/etc/x.yaml',
    onOpenRun: undefined,
    json: false,
    debug: false,
  });
  expect(readHookCall(['--job', 'nightly', '--vm', 'a,b', '--vm', 'c'], env)).toMatchObject({
    context: { job: 'nightly' },
    vms: ['a,b', 'c'],
  });
});

test.each([
  [[], /no job/],
  [['--job'], /argument/],
  [['--jbo', 'x'], /--jbo/],
  [['--job', 'x', 'extra'], /extra/],
  [['--job', 'x', '--on-open-run', 'never'], /"never"/],
])('a call with %j is a usage error that says why', (argv, message) => {
  expect(() => readHookCall(argv, {})).toThrow(
    expect.objectContaining({ code: 'E_USAGE', message: expect.stringMatching(message) }),
  );
});

test('odd job names are taken as they are', () => {
  for (const job of ['Täglich / SQL', '../../x', '$(reboot)', '"quoted"', '-dash']) {
    expect(readHookCall([`--job=${job}`], {})).toMatchObject({ context: { job } });
  }
});
