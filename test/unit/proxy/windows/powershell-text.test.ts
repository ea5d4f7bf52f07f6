import { readFileSync } from 'node:fs';
import path from 'node:path';
import { readPipeline } from '../../../../src/lab/proxy/windows/pipeline.ts';
import { isInFolder, isSameFolder } from '../../../../src/proxy/windows/mount-folders.ts';
import { ARGUMENTS, CMDLETS, quoted, SET_UP } from '../../../../src/proxy/windows/powershell-text.ts';

const KEY = { diskId: 'DISK', offsetBytes: 1048576 };

test.each([
  '',
  'plain',
  "it's",
  "''; Remove-Item C:\\ -Recurse; '",
  '$env:SystemRoot `n $(whoami) "x" {0}',
  'typographic ‘ ’ ‚ ‛ “ ”',
  'Größe 日本 𝒳',
  'line\r\nbreak\0\t',
])('text of outside stays text, whatever is in it: %j', (text) => {
  const pipeline = CMDLETS.addAccessPath(KEY, text);

  expect(pipeline).toMatch(/^[ -~]*$/);
  const read = readPipeline(pipeline);
  if (read?.kind !== 'cmdlet') throw new Error('not a cmdlet');
  expect(read.parameters).toEqual(
    new Map<string, string | number>([
      ['diskid', 'DISK'],
      ['offset', 1048576],
      ['accesspath', text],
    ]),
  );
});

test.each(["it's & calc & '", '%PATH% ^ !x! "', "'; Remove-Item C:\\ -Recurse; '", 'Größe 日本'])(
  'a folder for a link reaches PowerShell as text and cmd.exe not at all: %j',
  (folder) => {
    const pipeline = CMDLETS.linkShadowCopy(folder, 3, 17);

    expect(readPipeline(pipeline)).toEqual({
      kind: 'link',
      folder,
      name: 'part3',
      target: '\\\\?\\GLOBALROOT\\Device\\HarddiskVolumeShadowCopy17\\',
    });
    expect(pipeline).toMatch(/^[ -~]*$/);
    expect(/ \/c (.*) \| Out-Null/.exec(pipeline)?.[1]).toMatch(/^mklink \/d part3 '[\w\\?]*'$/);
  },
);

test('a quote inside of text is doubled, and nothing but plain ASCII stands between quotes', () => {
  expect(quoted("a'b")).toBe("'a''b'");
  expect(quoted('’x')).toBe("('' + [char]0x2019 + 'x')");
});

test('folders are the same whatever their case and their end; a folder beside is not inside', () => {
  expect(isSameFolder('C:\\Export\\Part1\\', 'c:\\export\\part1')).toBe(true);
  expect(isInFolder(path.join('/export', 'a'), path.join('/Export', 'A', 'part1'))).toBe(true);
  expect(isInFolder(path.join('/export', 'a'), path.join('/export', 'ab'))).toBe(false);
});

test('administrators can read every line that PowerShell is sent', () => {
  const page = readFileSync(path.join(__dirname, '../../../../docs/windows-proxy.md'), 'utf8');
  const lines = [
    ARGUMENTS.join(' '),
    ...SET_UP,
    CMDLETS.rescan(),
    CMDLETS.disks(),
    CMDLETS.setReadOnly('ID', true),
    CMDLETS.setOffline('ID', true),
    CMDLETS.refreshLayout('ID'),
    CMDLETS.partitions(),
    CMDLETS.volumes(),
    CMDLETS.addAccessPath(KEY, 'FOLDER'),
    CMDLETS.removeAccessPath(KEY, 'FOLDER'),
    CMDLETS.flush('VOLUME'),
    CMDLETS.shadowCopies(),
    CMDLETS.linkShadowCopy('FOLDER', 1, 2),
    CMDLETS.firstEntry('FOLDER'),
    CMDLETS.sanPolicy(),
    CMDLETS.isElevated(),
  ];

  expect(lines).toHaveLength(1 + SET_UP.length + Object.keys(CMDLETS).length);
  for (const line of lines) expect(page.split('\n')).toContain(line);
});
