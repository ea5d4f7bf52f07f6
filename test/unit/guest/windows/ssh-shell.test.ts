import { commandLineFor } from '../../../../src/guest/windows/ssh-shell.ts';

const HELPER = 'C:\\Program Files\\snaphook\\snaphook-vss.exe';

test('cmd.exe gets the path in quotes, and arguments quoted as programs read them', () => {
  expect(commandLineFor('cmd', { path: HELPER, arguments: ['serve'] })).toBe(`"${HELPER}" serve`);
  expect(commandLineFor('cmd', { path: HELPER, arguments: ['a b', ''] })).toBe(`"${HELPER}" "a b" ""`);
});

test('PowerShell gets single quotes, whatever form of them is in a word, and hands on the exit code', () => {
  const line = commandLineFor('powershell', { path: HELPER, arguments: ["it's", 'it\u2019s', '$(calc)'] });
  expect(line).toBe(`& '${HELPER}' 'it''s' 'it\u2019\u2019s' '$(calc)'; exit $LASTEXITCODE`);
});

test.each([
  ['cmd', '%TEMP%'],
  ['cmd', 'a"b'],
  ['cmd', 'a&b'],
  ['powershell', 'a"b'],
  ['powershell', ''],
  ['powershell', 'with blank\\'],
  ['powershell', 'a\nb'],
] as const)('through %s the argument %j is refused, for it would arrive as another', (shell, word) => {
  expect(() => commandLineFor(shell, { path: HELPER, arguments: [word] })).toThrow(
    expect.objectContaining({ code: 'E_GUEST' }),
  );
});

test('a line that cmd.exe would cut off is refused', () => {
  const words = ['x'.repeat(8200)];
  expect(() => commandLineFor('cmd', { path: HELPER, arguments: words })).toThrow(
    expect.objectContaining({ code: 'E_GUEST' }),
  );
});
