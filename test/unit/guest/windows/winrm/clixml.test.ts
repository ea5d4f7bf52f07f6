import { errorText } from '../../../../../src/guest/windows/winrm/clixml.ts';

const objs = (content: string) =>
  `<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">${content}</Objs>`;

test.each([
  ['words of other programs', 'Grüße\r\n<not xml', 'Grüße\r\n<not xml'],
  ['nothing', '', ''],
  [
    'errors in pieces, their escapes taken back',
    `#< CLIXML\r\n${objs('<S S="Error">one_x000D__x000A_</S><S S="Error">t_x005F_wo &lt;</S>')}`,
    'one\r\nt_wo <',
  ],
  [
    'errors between progress, warnings and further output',
    `#< CLIXML\r\n${objs('<Obj S="progress" RefId="0"><S N="x">loading</S></Obj><S S="warning">w</S>')}` +
      `plain${objs('<S S="Error">e</S><S S="verbose">v</S>')}`,
    'plaine',
  ],
  ['a document that was cut', '#< CLIXML\r\n<Objs><S S="Error">half', '<Objs><S S="Error">half'],
  ['a document that is no XML', '#< CLIXML\r\n<Objs><S></Objs>', '<Objs><S></Objs>'],
])('standard error with %s is read as text', (_what, said, expected) => {
  expect(errorText(Buffer.from(said))).toBe(expected);
});
