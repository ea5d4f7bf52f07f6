import { runChecks } from './wine-program.ts';

test('the provider keeps its promises to VSS and to the requestor', async () => {
  expect(await runChecks('provider-checks.exe')).toBe(0);
});
