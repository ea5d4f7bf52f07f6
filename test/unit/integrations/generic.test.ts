import { generic } from '../../../integrations/generic/integration.ts';
import { describeIntegration } from '../../contract/integration.ts';

describeIntegration(generic, [
  { title: 'before the backup', call: { phase: 'pre' }, means: { phase: 'pre' } },
  { title: 'after the backup', call: { phase: 'post' }, means: { phase: 'post' } },
]);

test('words that nobody knows are refused', () => {
  expect(() => generic.read({ phase: 'pre', words: ['extra'], env: {} })).toThrow(/"extra"/);
  expect(() => generic.read({ phase: undefined, words: [], env: {} })).toThrow(/before or after/);
});
