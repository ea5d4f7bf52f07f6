import { generic } from '../../../integrations/generic/integration.ts';
import { readHookOptions } from '../../../integrations/hook-options.ts';
import { describeIntegration } from '../../contract/integration.ts';

describeIntegration(generic, [
  { title: 'before the backup', call: { phase: 'pre' }, means: { phase: 'pre' } },
  { title: 'after the backup', call: { phase: 'post' }, means: { phase: 'post' } },
]);

test('a job and a configuration whose names begin with a dash are read back by the hook', () => {
  const items = generic.installation.items({
    job: '-x',
    program: '/usr/bin/snaphook',
    system: 'linux',
    configFile: '-c.yaml',
    settings: {},
  });
  const [before] = items.flatMap((item) => (item.kind === 'lines' ? [item.text] : []));
  const words = before?.split(' ').slice(3) ?? [];

  expect(readHookOptions(words, {})).toMatchObject({ integration: 'generic', job: '-x', configFile: '-c.yaml' });
});

test('words that nobody knows are refused', () => {
  expect(() => generic.read({ phase: 'pre', words: ['extra'], env: {} })).toThrow(/"extra"/);
  expect(() => generic.read({ phase: undefined, words: [], env: {} })).toThrow(/before or after/);
});
