import { isPlainForCmd, quoteArgument } from '../../../../src/guest/windows/quoting.ts';

test.each([
  ['serve', 'serve'],
  ['', '""'],
  ['two words', '"two words"'],
  ['a"b', '"a\\"b"'],
  ['a\\"b', '"a\\\\\\"b"'],
  ['C:\\Program Files\\', '"C:\\Program Files\\\\"'],
  ['C:\\plain\\', 'C:\\plain\\'],
])('the argument %s reaches a program as it is when it is written %s', (argument, quoted) => {
  expect(quoteArgument(argument)).toBe(quoted);
});

test.each(['%PATH%', 'a&b', 'a|b', 'a<b', 'a>b', 'a^b', 'a!b', 'a"b', 'a\nb', 'a\rb'])(
  'cmd.exe is not trusted with the argument %j',
  (argument) => {
    expect(isPlainForCmd(argument)).toBe(false);
  },
);

test('a path is plain for cmd.exe', () => {
  expect(isPlainForCmd('C:\\Program Files (x86)\\snaphook\\a,b;c=d.txt')).toBe(true);
});
