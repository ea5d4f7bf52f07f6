import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** A shell or two may stand between the product and the hook. */
const MOST_ANCESTORS = 6;
/** Runs before the hook's deadline begins, and so within the margin that the deadline leaves to Veeam's limit. */
const LOOK_UP_LIMIT_MS = 4000;

/** Command lines of the processes above this one, nearest first. None where the system does not tell: identity is a help, not a need. */
export function ancestorsOfThisProcess(): readonly string[] {
  return process.platform === 'win32' ? askWindows(process.ppid, runPowerShell) : readProc(process.ppid, '/proc');
}

/** In one call, as each start of PowerShell takes a second. */
export function askWindows(processId: number, run: (script: string, limitMs: number) => string): readonly string[] {
  const script = [
    '$ErrorActionPreference = "Stop"',
    `$id = ${processId}`,
    `foreach ($i in 1..${MOST_ANCESTORS}) {`,
    '  $p = Get-CimInstance Win32_Process -Filter "ProcessId=$id"',
    '  if (-not $p) { break }',
    '  Write-Output ($p.CommandLine + " ")',
    '  $id = $p.ParentProcessId',
    '}',
  ].join('\n');
  try {
    return run(script, LOOK_UP_LIMIT_MS)
      .split(/\r?\n/)
      .map((line) => line.trim())
      .filter((line) => line !== '');
  } catch {
    return [];
  }
}

function runPowerShell(script: string, limitMs: number): string {
  const root = process.env.SystemRoot ?? String.raw`C:\Windows`;
  const program = path.win32.join(root, 'System32', 'WindowsPowerShell', 'v1.0', 'powershell.exe');
  return execFileSync(program, ['-NoProfile', '-NonInteractive', '-Command', script], {
    encoding: 'utf8',
    timeout: limitMs,
    windowsHide: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

/** `proc`: the file system of that name. */
export function readProc(processId: number, proc: string): readonly string[] {
  const lines: string[] = [];
  let id = processId;
  try {
    while (id > 0 && lines.length < MOST_ANCESTORS) {
      lines.push(readFileSync(`${proc}/${id}/cmdline`, 'utf8').replaceAll('\0', ' ').trim());
      id = Number(/^PPid:\s*(\d+)$/m.exec(readFileSync(`${proc}/${id}/status`, 'utf8'))?.[1] ?? 0);
    }
  } catch {
    // A process that ended, or that is not ours to look at: what was read is what there is.
  }
  return lines;
}
