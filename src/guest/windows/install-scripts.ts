import * as z from 'zod';
import { SCRIPT_HEAD, scriptAnswers, scriptCall, scriptFailure, scriptText } from './powershell.ts';
import type { GuestProgram, ProgramResult } from './windows-commands.ts';

/** Tells the architecture of Windows, and the SHA-256 of files by their paths; empty for one that is not there. */
export const LOOK_SCRIPT = `# snaphook look 1
${SCRIPT_HEAD}try{
$of32=[Environment]::GetEnvironmentVariable('PROCESSOR_ARCHITEW6432')
if($of32){tell 'architecture' $of32}else{tell 'architecture' ([Environment]::GetEnvironmentVariable('PROCESSOR_ARCHITECTURE'))}
foreach($line in $lines){
$path=text $line
if(-not [IO.File]::Exists($path)){tell 'sha256' '';continue}
$file=[IO.File]::Open($path,'Open','Read','ReadWrite,Delete')
try{tell 'sha256' ([BitConverter]::ToString((New-Object Security.Cryptography.SHA256CryptoServiceProvider).ComputeHash($file)).Replace('-','').ToLower())}finally{$file.Close()}
}
exit 0
}catch{fail 'error' (why $_);exit 6}
`;

/** Removes files and what an upload left beside them, and then their folders, where nothing else is in them. */
export const REMOVE_SCRIPT = `# snaphook remove 1
${SCRIPT_HEAD}try{
foreach($line in $lines){
$path=text $line
$folder=[IO.Path]::GetDirectoryName($path)
if(-not [IO.Directory]::Exists($folder)){continue}
$name=[IO.Path]::GetFileName($path)
foreach($kind in 'part','old'){foreach($left in [IO.Directory]::GetFiles($folder,"$name.*.$kind")){[IO.File]::Delete($left)}}
[IO.File]::Delete($path)
if([IO.Directory]::GetFileSystemEntries($folder).Length -eq 0){[IO.Directory]::Delete($folder)}
}
tell 'removed' ''
exit 0
}catch{fail 'error' (why $_);exit 6}
`;

export const lookAt = (paths: readonly string[]): GuestProgram => scriptCall(LOOK_SCRIPT, paths.map(scriptText));

export const removeFiles = (paths: readonly string[]): GuestProgram => scriptCall(REMOVE_SCRIPT, paths.map(scriptText));

const architecture = z.object({ architecture: z.string() });
const sha256 = z.object({ sha256: z.string() });

export interface GuestLook {
  /** As Windows names it: `AMD64`, `x86`, `ARM64`. */
  readonly architecture: string;
  /** In the order of the paths; undefined: there is no such file. */
  readonly hashes: readonly (string | undefined)[];
}

/** @throws ScriptError when the answer is not whole. */
export function lookOf(paths: readonly string[], result: ProgramResult): GuestLook {
  const answers = scriptAnswers(result);
  const [found] = answers.flatMap((answer) => architecture.safeParse(answer).data ?? []);
  const hashes = answers.flatMap((answer) => sha256.safeParse(answer).data ?? []);
  if (!found || hashes.length !== paths.length) throw scriptFailure('tell which files it has', result);
  return { architecture: found.architecture, hashes: hashes.map(({ sha256: hash }) => hash || undefined) };
}

const removed = z.object({ removed: z.string() });

/** @throws ScriptError unless all of them are gone. */
export function requireRemoved(paths: readonly string[], result: ProgramResult): void {
  if (scriptAnswers(result).some((answer) => removed.safeParse(answer).success)) return;
  throw scriptFailure(`remove ${paths.map((path) => `"${path}"`).join(' and ')}`, result);
}
