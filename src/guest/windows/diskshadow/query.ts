import * as z from 'zod';
import { SnaphookError } from '../../../ports/errors.ts';
import { excerpt } from '../../lines.ts';
import { scriptCall } from '../powershell.ts';
import type { WindowsCommands } from '../windows-commands.ts';

const MARK = 'snaphook-answer ';

/** What stands before and behind the pipelines: errors end the question, and nothing but the answer is printed, in UTF-8. */
const BEFORE =
  "$ErrorActionPreference='Stop';$ProgressPreference='SilentlyContinue';[Console]::OutputEncoding=New-Object System.Text.UTF8Encoding $false;try{$answer=@{rows=[ordered]@{";
const BEHIND = `}}}catch{$answer=@{error=[string]$_.Exception.Message;hresult='0x{0:X8}' -f $_.Exception.HResult}};[Console]::Out.WriteLine('${MARK}'+(ConvertTo-Json -Compress -Depth 5 -InputObject $answer))`;

const date = (name: string) => `@{n='${name}';e={$_.${name}.ToUniversalTime().ToString('o')}}`;
const pipeline = (source: string, ...columns: readonly string[]) =>
  `${source} | Select-Object -Property ${columns.join(',')}`;
const cim = (name: string) => `Get-CimInstance -ClassName ${name}`;

/** Text as PowerShell reads it back. Only what is known to be plain is ever given: paths of ours and ids. */
function quoted(text: string): string {
  if (!/^[ -&(-~]*$/.test(text)) throw new RangeError(`"${text}" cannot stand in a script`);
  return `'${text}'`;
}

/** Gives nothing where it is not there. */
const item = (path: string) => `Get-Item -LiteralPath ${quoted(path)} -ErrorAction Ignore`;

/** All PowerShell of this strategy, valid in Windows PowerShell 5.1: pipelines, each of which gives rows. */
export const PIPELINES = {
  system: () => pipeline(cim('Win32_OperatingSystem'), 'Caption', 'Version', 'ProductType', 'WindowsDirectory'),
  /** Whoever reads this from a process of 32 bits would be shown another System32. */
  is64Bit: () => '[Environment]::Is64BitProcess -or -not [Environment]::Is64BitOperatingSystem',
  isThere: (path: string) => `Test-Path -LiteralPath ${quoted(path)}`,
  disks: () => pipeline('Get-Disk', 'Number', 'SerialNumber'),
  /** One text, since a list of one is no list any more in a calculated property. */
  partitions: () =>
    pipeline('Get-Partition', 'DiskNumber', 'GptType', 'MbrType', "@{n='AccessPaths';e={$_.AccessPaths -join '|'}}"),
  /** Fixed disks alone. */
  volumes: () =>
    pipeline(
      `${cim('Win32_Volume')} -Filter 'DriveType=3'`,
      ...['DeviceID', 'Name', 'FileSystem', 'SystemVolume', 'Capacity', 'FreeSpace'],
    ),
  storage: () =>
    pipeline(
      cim('Win32_ShadowStorage'),
      ...["@{n='Volume';e={$_.Volume.DeviceID}}", "@{n='DiffVolume';e={$_.DiffVolume.DeviceID}}"],
    ),
  copies: () => pipeline(cim('Win32_ShadowCopy'), 'ID', 'SetID', 'VolumeName', date('InstallDate')),
  removeSet: (setId: string) => `${cim('Win32_ShadowCopy')} -Filter ${quoted(`SetID="${setId}"`)} | Remove-CimInstance`,
  /** Waits for the end, so that what it made is there to be seen. */
  endDiskshadow: (folder: string) =>
    `${cim('Win32_Process')} -Filter ${quoted('Name="diskshadow.exe"')} | Where-Object -Property CommandLine -Like -Value ${quoted(`*${folder}*`)} | ForEach-Object { Stop-Process -Id $_.ProcessId -Force -PassThru | Wait-Process -Timeout 30 }`,
  madeAt: (file: string) => pipeline(item(file), date('CreationTimeUtc')),
  /** As bytes in base64: nobody knows its code page. None: it is not there. */
  log: (file: string) =>
    `${item(file)} | ForEach-Object { [Convert]::ToBase64String([IO.File]::ReadAllBytes($_.FullName)) }`,
  removeFolder: (folder: string) => `${item(folder)} | Remove-Item -Recurse -Force`,
} as const;

const answerSchema = z.union([
  z.object({ rows: z.record(z.string(), z.array(z.unknown())) }),
  z.object({ error: z.string(), hresult: z.string() }),
]);

/** Rows of each pipeline, one after the other. Errors: `E_GUEST` when one fails or PowerShell does not answer; those of the way in. */
export async function query<Name extends string>(
  commands: WindowsCommands,
  guest: string,
  pipelines: Readonly<Record<Name, string>>,
  signal: AbortSignal,
): Promise<Readonly<Record<Name, readonly unknown[]>>> {
  const script =
    BEFORE +
    Object.entries(pipelines)
      .map(([name, text]) => `${name}=@(${text})`)
      .join(';') +
    BEHIND;
  const { stdout, stderr, exitCode } = await commands.run(scriptCall(script, []), signal);
  const line = stdout
    .toString('utf8')
    .split(/\r?\n/)
    .find((one) => one.startsWith(MARK));
  const answer = line === undefined ? undefined : parse(line.slice(MARK.length));
  if (answer === undefined) {
    const said = excerpt(stderr.toString('utf8') || stdout.toString('utf8'));
    throw new SnaphookError(
      'E_GUEST',
      `PowerShell of guest "${guest}" gave no answer, exit code ${exitCode}: ${said}`,
      {
        hint: 'It must run scripts in full language mode for the account: docs/vss-diskshadow.md.',
      },
    );
  }
  if ('error' in answer) {
    throw new SnaphookError(
      'E_GUEST',
      `PowerShell of guest "${guest}" failed: ${excerpt(answer.error)} (${answer.hresult})`,
      {
        hint: 'The account must be an administrator of the guest, not filtered by UAC: docs/vss-diskshadow.md.',
      },
    );
  }
  const { rows } = answer;
  // What PowerShell gave nothing for has no rows.
  return mapValues(pipelines, (name) => rows[name] ?? []);
}

function parse(text: string): z.infer<typeof answerSchema> | undefined {
  try {
    return answerSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function mapValues<Name extends string, Value>(
  from: Readonly<Record<Name, unknown>>,
  value: (name: Name) => Value,
): Readonly<Record<Name, Value>> {
  // The keys of a record whose type lists them all.
  const names = Object.keys(from) as Name[];
  // Made of just these keys.
  return Object.fromEntries(names.map((name) => [name, value(name)])) as Record<Name, Value>;
}
