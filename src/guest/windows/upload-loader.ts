import { createHash } from 'node:crypto';
import * as z from 'zod';
import { SCRIPT_HEAD, scriptAnswers, scriptCall, scriptFailure, scriptText } from './powershell.ts';
import type { GuestProgram, ProgramResult } from './windows-commands.ts';

/**
 * Stores a file: its path, its SHA-256 in hex, lines of base64, `end`. Nothing is written before all of it has come. What is
 * loaded into a process cannot be overwritten in Windows, but it can be renamed.
 */
export const UPLOAD_LOADER = `# snaphook upload 1
${SCRIPT_HEAD}$part=''
try{
if($lines.Count -lt 3 -or $lines[-1] -ne 'end'){fail 'cut' '';exit 4}
$path=text $lines[0]
$folder=[IO.Path]::GetDirectoryName($path)
$name=[IO.Path]::GetFileName($path)
[void][IO.Directory]::CreateDirectory($folder)
foreach($kind in 'part','old'){foreach($left in [IO.Directory]::GetFiles($folder,"$name.*.$kind")){try{[IO.File]::Delete($left)}catch{}}}
$stem="$path."+[Guid]::NewGuid().ToString('N')
$part="$stem.part"
$file=[IO.File]::Create($part)
try{for($i=2;$i -lt $lines.Count-1;$i++){$bytes=[Convert]::FromBase64String($lines[$i]);$file.Write($bytes,0,$bytes.Length)}}finally{$file.Close()}
$file=[IO.File]::OpenRead($part)
try{$hash=[BitConverter]::ToString((New-Object Security.Cryptography.SHA256CryptoServiceProvider).ComputeHash($file)).Replace('-','').ToLower()}finally{$file.Close()}
if($hash -ne $lines[1]){[IO.File]::Delete($part);fail 'hash' $hash;exit 5}
$old=''
if([IO.File]::Exists($path)){[IO.File]::Move($path,"$stem.old");$old="$stem.old"}
try{[IO.File]::Move($part,$path)}catch{if($old){[IO.File]::Move($old,$path)};throw}
if($old){try{[IO.File]::Delete($old)}catch{}}
tell 'stored' $hash
exit 0
}catch{
if($part){try{[IO.File]::Delete($part)}catch{}}
fail 'error' (why $_)
exit 6
}
`;

/** Of a file, in one line. */
const LINE_BYTES = 6000;

interface GuestFile {
  readonly path: string;
  readonly content: Buffer;
}

const stored = z.object({ stored: z.string() });

/** The loader with a file for it. */
export function loaderCall({ path, content }: GuestFile): GuestProgram {
  const lines = [scriptText(path), sha256(content)];
  for (let start = 0; start < content.length; start += LINE_BYTES) {
    lines.push(content.subarray(start, start + LINE_BYTES).toString('base64'));
  }
  return scriptCall(UPLOAD_LOADER, [...lines, 'end']);
}

/** @throws ScriptError unless the loader said that the file has its name now. */
export function requireStored({ path, content }: GuestFile, result: ProgramResult): void {
  const told = scriptAnswers(result).some((answer) => stored.safeParse(answer).data?.stored === sha256(content));
  if (!told) throw scriptFailure(`store file "${path}"`, result);
}

const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');
