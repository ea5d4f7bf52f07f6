import { runChecks } from './wine-program.ts';

test('install and uninstall leave all of it or nothing, and say what Windows lacks', async () => {
  expect(await runChecks('registration-checks.exe')).toBe(0);
});
