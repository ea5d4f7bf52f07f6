import { execFileSync } from 'node:child_process';
import { batchWord, fieldWord, shellWord } from '../../../integrations/quoting.ts';

test('a shell reads every word back as it was', () => {
  for (const word of ['plain', "it's", '$(reboot)', 'a b\tc', '"', '', '\\', '`id`', '*', 'ü', 'a\nb', '-n']) {
    expect(execFileSync('/bin/sh', ['-c', `printf %s ${shellWord(word)}`], { encoding: 'utf8' })).toBe(word);
  }
});

test('a batch word is quoted where it needs to be, and what cmd.exe cannot write is refused', () => {
  expect(batchWord('C:\\snaphook.exe')).toBe('C:\\snaphook.exe');
  expect(batchWord('C:\\Program Files\\x\\')).toBe('"C:\\Program Files\\x\\\\"');
  expect(batchWord('100% & more')).toBe('"100%% & more"');
  for (const word of ['a"b', 'a\nb', 'nächtlich']) {
    expect(() => batchWord(word)).toThrow(expect.objectContaining({ code: 'E_USAGE' }));
  }
});

test('in a command field a percent sign stays one, and what cmd.exe would take for a variable is refused', () => {
  expect(fieldWord('100% nächtlich')).toBe('"100% nächtlich"');
  expect(fieldWord('C:\\Program Files\\x\\')).toBe('"C:\\Program Files\\x\\\\"');
  for (const word of ['a"b', 'a\nb', 'x%PATH%']) {
    expect(() => fieldWord(word)).toThrow(expect.objectContaining({ code: 'E_USAGE' }));
  }
});
