import { parseWriters } from '../../../../../src/guest/windows/diskshadow/list-writers.ts';
import { createScript, readOutput } from '../../../../../src/guest/windows/diskshadow/script.ts';

const SET = '{7B1C2D3E-4F50-4A61-8B72-93A4B5C6D7E8}';
const VOLUME = '\\\\?\\Volume{00000000-0000-4000-8000-000000000001}\\';
const OTHER = '4969d978-be47-48b0-b100-f328f07ac1e0';
const WRITER = 'a65faa63-5ea8-4ebc-9dbd-a0c4db26912a';

test('the script makes a persistent set as a copy backup, with recovery, the named writers, and the provider whose copies lie in the volume', () => {
  const request = {
    volumes: [VOLUME],
    verifiedWriters: [WRITER],
    excludedWriters: [OTHER],
    metadataFile: 'C:\\Windows\\snaphook-r\\set.cab',
  };

  const lines = createScript(request).toString('latin1').split('\r\n');

  expect(lines).toEqual([
    expect.stringMatching(/^# /),
    'set verbose on',
    'set context persistent',
    'set option rollbackrecover txfrecover',
    'set metadata C:\\Windows\\snaphook-r\\set.cab',
    `writer exclude {${OTHER}}`,
    `writer verify {${WRITER}}`,
    `add volume ${VOLUME} alias SNAPHOOK_1 provider {b5946137-7b9f-4925-af80-51abd60b20d5}`,
    'create',
    'exit',
    '',
  ]);
  expect(lines.join('\n')).not.toMatch(/begin backup/i);
});

test('a name that another code page would turn into something else, or that is a second line, is not written into a script', () => {
  for (const metadataFile of ['C:\\Übung\\set.cab', 'C:\\x\r\nexec C:\\y.cmd'])
    expect(() => createScript({ volumes: [VOLUME], verifiedWriters: [], excludedWriters: [], metadataFile })).toThrow(
      RangeError,
    );
});

const MADE: readonly (readonly [string, Buffer])[] = [
  [
    'English',
    Buffer.from(
      `-> create\r\nAlias SNAPHOOK_1 for shadow ID {11111111-0000-4000-8000-000000000000} set as environment variable.\r\nAlias VSS_SHADOW_SET for shadow set ID ${SET.toLowerCase()} set as environment variable.\r\n`,
    ),
  ],
  [
    'German, in code page 850',
    Buffer.from(`Der Alias "VSS_SHADOW_SET" f\x81r die Schattenkopiesatz-ID ${SET} wurde festgelegt.\r\n`, 'latin1'),
  ],
  ['English, in UTF-16', Buffer.from(`\ufeffAlias VSS_SHADOW_SET for shadow set ID ${SET} set.\r\n`, 'utf16le')],
  ['the list alone', Buffer.from(`\t\t- Jeu de clich\x82s : ${SET}\t%VSS_SHADOW_SET%\r\n`, 'latin1')],
];

test.each(MADE)('the set is found in output that is %s', (_language, output) => {
  expect(readOutput(output)).toEqual({ setId: SET, hresult: undefined, errorName: undefined });
});

test.each([
  [
    'English',
    'The last operation failed.\r\n\t- Returned HRESULT: 80042306\r\n\t- Error text: VSS_E_PROVIDER_VETO\r\n',
  ],
  ['German', 'Fehler.\r\n\t- Zur\x81ckgegebenes HRESULT: 80042306\r\n\t- Fehlertext: VSS_E_PROVIDER_VETO\r\n'],
  ['French', 'Erreur.\r\n\t- HRESULT renvoy\x82 : 0x80042306\r\n\t- Texte : VSS_E_PROVIDER_VETO\r\n'],
])('the number of an error and its name are found in %s', (_language, output) => {
  expect(readOutput(Buffer.from(output, 'latin1'))).toEqual({
    setId: undefined,
    hresult: '0x80042306',
    errorName: 'VSS_E_PROVIDER_VETO',
  });
});

test('output that tells neither a set nor a number tells nothing', () => {
  const nothing = { setId: undefined, hresult: undefined, errorName: undefined };
  for (const text of ['', 'set verbose on', `- Volume {${WRITER}}`, 'E_FAIL, said somebody'])
    expect(readOutput(Buffer.from(text))).toEqual(nothing);
});

const blockOf = (words: readonly [string, string, string, string, string], name: string, state: number) =>
  [
    `${words[0]}: ${name}`,
    `   ${words[1]}: {${WRITER.toUpperCase()}}`,
    `   ${words[2]}: {22222222-0000-4000-8000-000000000000}`,
    `   ${words[3]}: [${state}] ${words[4]}`,
    '   x: y',
  ].join('\r\n');

test.each([
  [
    'English',
    blockOf(['Writer name', 'Writer Id', 'Writer Instance Id', 'State', 'Failed'], "'Oracle VSS Writer - ORCL'", 8),
  ],
  [
    'German',
    blockOf(['Verfassername', 'Verfasserkennung', 'Instanz', 'Status', 'Fehler'], '"Oracle VSS Writer - ORCL"', 8),
  ],
  [
    'French',
    blockOf(
      ['Nom du r\ufffddacteur ', 'ID ', 'ID d\u2019instance ', '\ufffdtat ', '\ufffdchec'],
      '\ufffd Oracle VSS Writer - ORCL \ufffd',
      8,
    ),
  ],
])('a writer that vssadmin lists in %s is read with name, class and state', (_language, block) => {
  const head = 'vssadmin 1.1 - words: of a kind\r\n(C) Copyright 2001-2013 Microsoft Corp.\r\n\r\n';
  expect(parseWriters(`${head}${block}\r\n\r\n${block.replace('[8]', '[1]')}\r\n`)).toEqual([
    { id: WRITER, name: 'Oracle VSS Writer - ORCL', state: 8 },
    { id: WRITER, name: 'Oracle VSS Writer - ORCL', state: 1 },
  ]);
});

test('a name with brackets of its own keeps them', () => {
  const block = blockOf(
    ['Writer name', 'Writer Id', 'Writer Instance Id', 'State', 'Stable'],
    "'ADAM (instance1) Writer (x)'",
    1,
  );
  expect(parseWriters(block)).toMatchObject([{ name: 'ADAM (instance1) Writer (x)' }]);
});
