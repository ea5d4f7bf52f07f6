import type { GuestDisk } from './guest-disks.ts';
import type { GuestFiles } from './guest-files.ts';
import type { ShadowMachine } from './shadow-machine.ts';

export interface QueryMachine extends ShadowMachine {
  readonly disks: readonly GuestDisk[];
  readonly osName: string;
}

/** What a cmdlet failed with. */
export class QueryError extends Error {}

type Row = Readonly<Record<string, unknown>>;
type Value = Row | string | boolean;

/** What a session is told before and behind its pipelines: without it errors would be text, and umlauts other letters. */
const BEFORE =
  "$ErrorActionPreference='Stop';$ProgressPreference='SilentlyContinue';[Console]::OutputEncoding=New-Object System.Text.UTF8Encoding $false;try{$answer=@{rows=[ordered]@{";
const BEHIND =
  "}}}catch{$answer=@{error=[string]$_.Exception.Message;hresult='0x{0:X8}' -f $_.Exception.HResult}};[Console]::Out.WriteLine('snaphook-answer '+(ConvertTo-Json -Compress -Depth 5 -InputObject $answer))";
const WINDOWS = 'C:\\Windows';

/**
 * Answers one script: pipelines of Windows PowerShell, each with a name, in a frame that is known by heart. Of the language it reads what
 * stands below; whatever else is valid there it refuses. Undefined: it is no such script.
 */
export function answerShadowQuery(machine: QueryMachine, script: string): string | undefined {
  if (!script.startsWith(BEFORE) || !script.endsWith(BEHIND)) return undefined;
  const body = script.slice(BEFORE.length, -BEHIND.length);
  const rows: Record<string, readonly Value[]> = {};
  let answer: object = { rows };
  try {
    for (const [name, pipeline] of namedPipelines(body)) rows[name] = run(machine, pipeline);
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    answer = { error: error.message, hresult: '0x80131500' };
  }
  return `snaphook-answer ${JSON.stringify(answer)}\r\n`;
}

/** `name=@(pipeline)`, one behind the other with semicolons between. */
function namedPipelines(body: string): readonly (readonly [string, string])[] {
  return splitAt(body, ';').map((part) => {
    const [, name, pipeline] = /^(\w+)=@\((.*)\)$/.exec(part) ?? [];
    if (name === undefined || pipeline === undefined) throw new QueryError(`not read: ${part}`);
    return [name, pipeline] as const;
  });
}

/** Splits outside of quotes and brackets. */
function splitAt(text: string, separator: string): readonly string[] {
  const parts: string[] = [''];
  let depth = 0;
  let isQuoted = false;
  for (const character of text) {
    if (character === "'") isQuoted = !isQuoted;
    else if (!isQuoted && '({['.includes(character)) depth += 1;
    else if (!isQuoted && ')}]'.includes(character)) depth -= 1;
    if (character === separator && depth === 0 && !isQuoted) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts.map((part) => part.trim());
}

function run(machine: QueryMachine, pipeline: string): readonly Value[] {
  const [source = '', ...stages] = splitAt(pipeline, '|');
  let values = read(machine, source);
  for (const stage of stages) values = pass(machine, values, stage);
  return values;
}

const ITEM = /^Get-Item -LiteralPath '([^']*)' -ErrorAction Ignore$/;
const CIM = /^Get-CimInstance -ClassName (\w+)(?: -Filter '(\w+)=(?:"([^"]*)"|(\d+))')?$/;

function read(machine: QueryMachine, source: string): readonly Value[] {
  if (source === '[Environment]::Is64BitProcess -or -not [Environment]::Is64BitOperatingSystem') return [true];
  const tested = /^Test-Path -LiteralPath '([^']*)'$/.exec(source)?.[1];
  if (tested !== undefined) return [isThere(machine, tested)];
  const item = ITEM.exec(source)?.[1];
  if (item !== undefined) return itemAt(machine, item);
  if (source === 'Get-Disk') return machine.disks.map(({ uuid }, index) => ({ Number: index, SerialNumber: uuid }));
  if (source === 'Get-Partition') return partitions(machine);
  const [, name, property, text, number] = CIM.exec(source) ?? [];
  const rows = name === undefined ? undefined : CLASSES[name]?.(machine);
  if (!rows) throw new QueryError(`The term '${source}' is not recognized.`);
  if (property === undefined) return rows;
  const wanted = (text ?? number ?? '').toLowerCase();
  return rows.filter((row) => String(row[property]).toLowerCase() === wanted);
}

const PROGRAMS = ['c:\\windows\\system32\\vssadmin.exe', 'c:\\windows\\system32\\cmd.exe'];
const DISKSHADOW = 'c:\\windows\\system32\\diskshadow.exe';

function isThere({ files, knobs }: QueryMachine, path: string): boolean {
  const file = path.toLowerCase();
  if (file === DISKSHADOW) return knobs.edition === 'server';
  return PROGRAMS.includes(file) || below(files, file).length > 0;
}

function itemAt({ files }: QueryMachine, path: string): readonly Row[] {
  return below(files, path).length === 0 ? [] : [{ FullName: path, CreationTimeUtc: files.madeAt(path) }];
}

/** The file of that path, or all files of the folder. */
function below(files: GuestFiles, path: string): readonly string[] {
  const wanted = path.toLowerCase();
  return files.paths().filter((file) => file.toLowerCase() === wanted || file.toLowerCase().startsWith(`${wanted}\\`));
}

/** Of every GPT partition that Windows makes a volume of, but for a few of its own. */
const BASIC_DATA = '{ebd0a0a2-b9e5-4433-87c0-68b6b72699c7}';

/** Each volume fills one partition on each of its disks. */
function partitions({ disks, coordinator }: QueryMachine): readonly Row[] {
  return coordinator.volumes.flatMap(({ volume, mountPoint, disks: on }) =>
    on.map((uuid) => ({
      DiskNumber: disks.findIndex((disk) => disk.uuid === uuid),
      GptType: BASIC_DATA,
      MbrType: null,
      AccessPaths: [mountPoint, volume],
    })),
  );
}

const braced = (id: string): string => `{${id.toUpperCase()}}`;

const CLASSES: Readonly<Record<string, (machine: QueryMachine) => readonly Row[]>> = {
  Win32_OperatingSystem: ({ osName, knobs }) => [
    {
      Caption: osName,
      Version: '10.0.20348',
      ProductType: knobs.edition === 'server' ? 3 : 1,
      WindowsDirectory: WINDOWS,
    },
  ],
  Win32_Volume: ({ coordinator, disks, knobs }) =>
    coordinator.volumes.map(({ volume, mountPoint, fileSystem, disks: on }) => ({
      DeviceID: volume,
      Name: mountPoint,
      FileSystem: fileSystem,
      SystemVolume: false,
      DriveType: 3,
      Capacity: disks.filter(({ uuid }) => on.includes(uuid)).reduce((sum, { device }) => sum + device.sizeBytes, 0),
      FreeSpace: knobs.freeBytes,
    })),
  // An administrator has made it, or Windows with the first copy, on the volume itself.
  Win32_ShadowStorage: ({ coordinator, copies, knobs }) =>
    coordinator.volumes.flatMap(({ volume, mountPoint }) => {
      const chosen = knobs.storage.get(mountPoint);
      const isUsed = copies.all.some((copy) => copy.volume.volume === volume);
      if (chosen === undefined && !isUsed) return [];
      const keeper = coordinator.volumes.find((one) => one.mountPoint === (chosen ?? mountPoint));
      return keeper ? [{ Volume: { DeviceID: volume }, DiffVolume: { DeviceID: keeper.volume } }] : [];
    }),
  Win32_ShadowCopy: ({ copies }) =>
    copies.all.map(({ id, setId, volume, createdAt }) => ({
      ID: braced(id),
      SetID: braced(setId),
      VolumeName: volume.volume,
      InstallDate: createdAt,
    })),
  Win32_Process: ({ running }) =>
    [...running].map((process) => ({ Name: 'diskshadow.exe', CommandLine: process.commandLine, process })),
};

const END = 'ForEach-Object { Stop-Process -Id $_.ProcessId -Force -PassThru | Wait-Process -Timeout 30 }';
const BASE64 = 'ForEach-Object { [Convert]::ToBase64String([IO.File]::ReadAllBytes($_.FullName)) }';

function pass(machine: QueryMachine, values: readonly Value[], stage: string): readonly Value[] {
  const { files, copies, running } = machine;
  const rows = values.filter((value): value is Row => typeof value === 'object');
  const like = /^Where-Object -Property CommandLine -Like -Value '\*(.*)\*'$/.exec(stage)?.[1];
  if (like !== undefined)
    return rows.filter((row) => String(row.CommandLine).toLowerCase().includes(like.toLowerCase()));
  if (stage === END) {
    for (const process of running) if (rows.some((row) => row.process === process)) process.kill();
    return [];
  }
  const paths = rows.map(({ FullName }) => String(FullName));
  if (stage === BASE64) return paths.map((path) => files.read(path)?.toString('base64') ?? '');
  if (stage === 'Remove-Item -Recurse -Force') {
    for (const file of paths.flatMap((path) => below(files, path))) files.remove(file);
    return [];
  }
  if (stage === 'Remove-CimInstance') {
    copies.remove(copies.all.filter(({ id }) => rows.some((row) => row.ID === braced(id))));
    return [];
  }
  const columns = /^Select-Object -Property (.*)$/.exec(stage)?.[1];
  if (columns === undefined) throw new QueryError(`The term '${stage}' is not recognized.`);
  return rows.map((row) => Object.fromEntries(splitAt(columns, ',').map((column) => project(row, column))));
}

const CALCULATED = /^@\{n='(\w+)';e=\{\$_\.(\w+)(.*)\}\}$/;

function project(row: Row, column: string): readonly [string, unknown] {
  const [, name, property = '', rest] = CALCULATED.exec(column) ?? [];
  if (name === undefined) {
    if (!/^\w+$/.test(column)) throw new QueryError(`not read: ${column}`);
    return [column, row[column] ?? null];
  }
  const value = row[property];
  if (rest === '.DeviceID' && typeof value === 'object') return [name, Object(value).DeviceID];
  if (rest === ".ToUniversalTime().ToString('o')" && value instanceof Date) return [name, value.toISOString()];
  if (rest === " -join '|'" && Array.isArray(value)) return [name, value.join('|')];
  throw new QueryError(`not read: ${column}`);
}
