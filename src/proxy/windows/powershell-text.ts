/**
 * All PowerShell there is; docs/windows-proxy.md shows it to administrators. Decisions are made elsewhere: here is what Windows is told and
 * asked. Valid in Windows PowerShell 5.1. Plain ASCII, one line each: a console's code page and its line editor change nothing of it.
 */
export const ARGUMENTS = ['-NoLogo', '-NoProfile', '-NonInteractive', '-Command', '-'] as const;

/** Sent once, before any request: errors end a request, nothing but answers is printed, answers are UTF-8 without byte order mark. */
export const SET_UP = [
  "$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'; $WarningPreference = 'SilentlyContinue'; $ConfirmPreference = 'None'",
  '[Console]::OutputEncoding = New-Object System.Text.UTF8Encoding $false',
  'function Invoke-Request([string]$Mark, [scriptblock]$Request) { try { $answer = @{ rows = @(& $Request) } } catch { $answer = @{ error = @{ id = [string]$_.FullyQualifiedErrorId; message = [string]$_.Exception.Message } } }; [Console]::Out.WriteLine($Mark + (ConvertTo-Json -Compress -Depth 4 -InputObject $answer)) }',
] as const;

/**
 * Text as a PowerShell expression. Only plain ASCII stands between quotes: PowerShell takes typographic quotes for quotes, too, and reads
 * its input in the code page of the console.
 */
export function quoted(text: string): string {
  if (/^[ -~]*$/.test(text)) return `'${text.replaceAll("'", "''")}'`;
  const parts = text.match(/[ -~]+|[^ -~]/g) ?? [];
  const rendered = parts.map((part) =>
    /^[ -~]/.test(part) ? quoted(part) : `[char]0x${part.charCodeAt(0).toString(16)}`,
  );
  // A sum that begins with text is text.
  return `('' + ${rendered.join(' + ')})`;
}

/** As the provider stores it: enumerations are numbers there, and words of the console's language elsewhere. */
const stored = (name: string) => `@{n='${name}';e={[string]$_.CimInstanceProperties['${name}'].Value}}`;
/** One text, since a list of one is no list any more in a calculated property; no path of Windows has a vertical bar. */
const joined = (name: string) => `@{n='${name}';e={$_.CimInstanceProperties['${name}'].Value -join '|'}}`;

const boolean = (value: boolean) => (value ? '$true' : '$false');

/** One partition, by what it is and not by a number that another may have tomorrow. */
export interface PartitionKey {
  /** `Path` of its disk. */
  readonly diskId: string;
  readonly offsetBytes: number;
}

const partition = ({ diskId, offsetBytes }: PartitionKey) => `-DiskId ${quoted(diskId)} -Offset ${offsetBytes}`;

/**
 * New-Item takes the question mark in a device object for a wildcard, so that mklink has to make the link. No text from outside comes
 * before its shell: the folder is where it works, the name is one of ours, and the device is a number.
 */
function linkShadowCopy(folder: string, partitionNumber: number, shadowDevice: number): string {
  const name = `part${partitionNumber}`;
  // Without the separator at its end, the link would lead to the device and not to its root folder.
  const target = `'${shadowDeviceOf(shadowDevice)}\\'`;
  const call = `& "$env:SystemRoot\\System32\\cmd.exe" /d /c mklink /d ${name} ${target} | Out-Null`;
  const judge = "if ($LASTEXITCODE -ne 0) { throw ('mklink ended with ' + $LASTEXITCODE) }";
  return `Push-Location -LiteralPath ${quoted(folder)}; try { ${call}; ${judge} } finally { Pop-Location }`;
}

/** `DeviceObject` of Win32_ShadowCopy. */
const shadowDeviceOf = (number: number): string => `\\\\?\\GLOBALROOT\\Device\\HarddiskVolumeShadowCopy${number}`;

/** Each a request of its own. */
export const CMDLETS = {
  rescan: () => 'Update-HostStorageCache',
  disks: () =>
    `Get-Disk | Select-Object -Property ${['UniqueId', 'UniqueIdFormat', 'Path', 'Size', 'IsOffline', 'OfflineReason', 'IsReadOnly'].map(stored).join(',')}`,
  setReadOnly: (uniqueId: string, readOnly: boolean) =>
    `Set-Disk -UniqueId ${quoted(uniqueId)} -IsReadOnly ${boolean(readOnly)}`,
  setOffline: (uniqueId: string, offline: boolean) =>
    `Set-Disk -UniqueId ${quoted(uniqueId)} -IsOffline ${boolean(offline)}`,
  refreshLayout: (uniqueId: string) => `Update-Disk -UniqueId ${quoted(uniqueId)}`,
  partitions: () =>
    `Get-Partition | Select-Object -Property ${['DiskId', 'PartitionNumber', 'Offset', 'Size', 'GptType', 'MbrType', 'Guid'].map(stored).join(',')},${joined('AccessPaths')}`,
  volumes: () =>
    `Get-Volume | Select-Object -Property ${['Path', 'FileSystem', 'FileSystemLabel'].map(stored).join(',')}`,
  addAccessPath: (key: PartitionKey, folder: string) =>
    `Add-PartitionAccessPath ${partition(key)} -AccessPath ${quoted(folder)}`,
  removeAccessPath: (key: PartitionKey, accessPath: string) =>
    `Remove-PartitionAccessPath ${partition(key)} -AccessPath ${quoted(accessPath)}`,
  flush: (volumePath: string) => `Write-VolumeCache -Path ${quoted(volumePath)}`,
  shadowCopies: () =>
    `Get-CimInstance -ClassName 'Win32_ShadowCopy' | Select-Object -Property ${['ID', 'DeviceObject', 'VolumeName'].map(stored).join(',')}`,
  linkShadowCopy,
  firstEntry: (folder: string) =>
    `Get-ChildItem -LiteralPath ${quoted(folder)} | Select-Object -First 1 -Property @{n='Name';e={[string]$_.Name}}`,
  sanPolicy: () => "Get-StorageSetting | Select-Object -Property @{n='NewDiskPolicy';e={[string]$_.NewDiskPolicy}}",
  isElevated: () =>
    '[string] ([Security.Principal.WindowsPrincipal][Security.Principal.WindowsIdentity]::GetCurrent()).IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)',
} as const;
