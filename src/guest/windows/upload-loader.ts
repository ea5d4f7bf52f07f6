import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { GuestProgram, ProgramResult } from './windows-commands.ts';

const POWERSHELL = 'C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe';

/**
 * Reads a file from its standard input: the path in base64, the SHA-256 in hex, lines of base64, `end`. Nothing is written before all of
 * it has come. PowerShell hands its input to a script only where `$input` stands in it. What is loaded into a process cannot be
 * overwritten in Windows, but it can be renamed. Answers with one line of JSON in ASCII.
 */
export const UPLOAD_LOADER = `# snaphook upload 1
$ErrorActionPreference='Stop'
$ProgressPreference='SilentlyContinue'
function tell($what,$detail){'{"upload":"'+$what+'","detail":"'+(($detail -replace '[^ -~]','?') -replace '["\\\\]','/')+'"}'}
if($ExecutionContext.SessionState.LanguageMode -ne 'FullLanguage'){tell 'language' '';exit 3}
$part=''
try{
$lines=@($input)
if($lines.Count -lt 3 -or $lines[-1] -ne 'end'){tell 'cut' '';exit 4}
$path=[Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($lines[0]))
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
if($hash -ne $lines[1]){[IO.File]::Delete($part);tell 'hash' $hash;exit 5}
$old=''
if([IO.File]::Exists($path)){[IO.File]::Move($path,"$stem.old");$old="$stem.old"}
try{[IO.File]::Move($part,$path)}catch{if($old){[IO.File]::Move($old,$path)};throw}
if($old){try{[IO.File]::Delete($old)}catch{}}
tell 'done' $hash
exit 0
}catch{
if($part){try{[IO.File]::Delete($part)}catch{}}
$e=$_.Exception
while($e.InnerException){$e=$e.InnerException}
tell 'failed' (('{0:X8} ' -f $e.HResult)+$e.Message)
exit 6
}
`;

/** Of a file, in one line: short enough for every reader of lines. */
const LINE_BYTES = 6000;

const answer = z.object({
  upload: z.enum(['done', 'hash', 'cut', 'language', 'failed']),
  detail: z.string(),
});

/** Why a file did not get its name in the guest. */
export class UploadError extends Error {
  override readonly name = 'UploadError';
  readonly path: string;
  /** `lost`: PowerShell ended without the loader's answer. */
  readonly problem: Exclude<z.infer<typeof answer>['upload'], 'done'> | 'lost';

  constructor(path: string, problem: UploadError['problem'], detail: string) {
    super(detail);
    this.path = path;
    this.problem = problem;
  }
}

/** The loader with a file for it. */
export function loaderCall({ path, content }: { readonly path: string; readonly content: Buffer }): GuestProgram {
  const lines = [Buffer.from(path, 'utf8').toString('base64'), sha256(content)];
  for (let start = 0; start < content.length; start += LINE_BYTES) {
    lines.push(content.subarray(start, start + LINE_BYTES).toString('base64'));
  }
  return {
    path: POWERSHELL,
    arguments: [
      ...['-NoLogo', '-NoProfile', '-NonInteractive', '-ExecutionPolicy', 'Bypass', '-OutputFormat', 'Text'],
      ...['-EncodedCommand', Buffer.from(UPLOAD_LOADER, 'utf16le').toString('base64')],
    ],
    input: Buffer.from([...lines, 'end', ''].join('\r\n'), 'latin1'),
  };
}

/** @throws UploadError unless the loader said that the file has its name now. */
export function requireUploaded(
  file: { readonly path: string; readonly content: Buffer },
  result: ProgramResult,
): void {
  const line = result.stdout
    .toString('latin1')
    .split(/\r?\n/)
    .find((candidate) => candidate.startsWith('{"upload":'));
  const parsed = line === undefined ? undefined : parseAnswer(line);
  if (parsed?.upload === 'done' && parsed.detail === sha256(file.content)) return;
  if (parsed === undefined || parsed.upload === 'done') {
    throw new UploadError(file.path, 'lost', `exit code ${result.exitCode} ${result.stderr.toString('utf8')}`.trim());
  }
  throw new UploadError(file.path, parsed.upload, parsed.detail);
}

function parseAnswer(line: string): z.infer<typeof answer> | undefined {
  try {
    return answer.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');
