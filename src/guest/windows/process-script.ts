import * as z from 'zod';
import { SCRIPT_HEAD, scriptAnswers, scriptCall, scriptFailure, scriptText } from './powershell.ts';
import type { GuestProgram, ProgramResult } from './windows-commands.ts';

/**
 * Lists the processes of a program, by its path; with one of them as second line ends that one first. A number alone would mean
 * another process some day, so the time of its start belongs to its name.
 */
export const PROCESS_SCRIPT = `# snaphook processes 1
${SCRIPT_HEAD}try{
$name=[IO.Path]::GetFileNameWithoutExtension((text $lines[0]))
foreach($p in @(Get-Process|Where-Object{$_.ProcessName -eq $name})){
try{$id="$($p.Id)-$($p.StartTime.ToFileTimeUtc())"}catch{continue}
if($lines.Count -gt 1 -and $lines[1] -eq $id){$p.Kill();[void]$p.WaitForExit(5000)}
if(-not $p.HasExited){tell 'process' $id}
}
tell 'listed' ''
exit 0
}catch{fail 'error' (why $_);exit 6}
`;

const processLine = z.object({ process: z.string().regex(/^\d+-\d+$/) });
const lastLine = z.object({ listed: z.string() });

export const listProcesses = (programPath: string): GuestProgram =>
  scriptCall(PROCESS_SCRIPT, [scriptText(programPath)]);

export const endProcess = (programPath: string, process: string): GuestProgram =>
  scriptCall(PROCESS_SCRIPT, [scriptText(programPath), process]);

/** The processes that run, each as number and time of its start. @throws ScriptError when the list is not whole. */
export function processesIn(programPath: string, result: ProgramResult): readonly string[] {
  const answers = scriptAnswers(result);
  const isWhole = answers.some((answer) => lastLine.safeParse(answer).success);
  if (!isWhole) throw scriptFailure(`list the processes of "${programPath}"`, result);
  return answers.flatMap((answer) => processLine.safeParse(answer).data?.process ?? []);
}
