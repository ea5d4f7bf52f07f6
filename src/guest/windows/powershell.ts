import * as z from 'zod';
import type { GuestProgram, ProgramResult } from './windows-commands.ts';
import { errorText } from './winrm/clixml.ts';

const POWERSHELL = 'C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe';

/**
 * What every script of ours begins with: it ends at the first error, says so in one line of JSON in ASCII, whatever the language of
 * Windows is, and does not try what a restricted PowerShell refuses. PowerShell hands its input to a script only where `$input`
 * stands in it.
 */
export const SCRIPT_HEAD = `$ErrorActionPreference='Stop'
$ProgressPreference='SilentlyContinue'
function plain($text){($text -replace '[^ -~]','?') -replace '["\\\\]','/'}
function tell($what,$detail){'{"'+$what+'":"'+(plain $detail)+'"}'}
function fail($problem,$detail){'{"failed":"'+$problem+'","detail":"'+(plain $detail)+'"}'}
if($ExecutionContext.SessionState.LanguageMode -ne 'FullLanguage'){fail 'language' '';exit 3}
$lines=@($input)
function text($line){[Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($line))}
function why($thrown){$e=$thrown.Exception;while($e.InnerException){$e=$e.InnerException};('{0:X8} ' -f $e.HResult)+$e.Message}
`;

/** A parameter of a script as `text` in it reads it: nothing in it can become a part of the script. */
export const scriptText = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

/** A script that is always the same, and what it is to work with: a line each of its standard input. */
export const scriptCall = (script: string, lines: readonly string[]): GuestProgram => ({
  path: POWERSHELL,
  arguments: [
    ...['-NoLogo', '-NoProfile', '-NonInteractive', '-ExecutionPolicy', 'Bypass', '-OutputFormat', 'Text'],
    ...['-EncodedCommand', Buffer.from(script, 'utf16le').toString('base64')],
  ],
  input: Buffer.from([...lines, ''].join('\r\n'), 'latin1'),
});

/** The lines of JSON that a script said, in their order; what is none is noise of somebody else. */
export const scriptAnswers = ({ stdout }: ProgramResult): readonly unknown[] =>
  stdout
    .toString('latin1')
    .split(/\r?\n/)
    .filter((line) => line.startsWith('{'))
    .flatMap((line) => {
      try {
        return [JSON.parse(line)];
      } catch {
        return [];
      }
    });

const failure = z.object({ failed: z.enum(['language', 'cut', 'hash', 'error']), detail: z.string() });

/** A script did not do its work in the guest. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError';
  /** What was to be done, such as `store file "C:\\a.exe"`. */
  readonly purpose: string;
  /** `lost`: PowerShell ended without a word of the script. */
  readonly problem: z.infer<typeof failure>['failed'] | 'lost';

  constructor(purpose: string, problem: ScriptError['problem'], detail: string) {
    super(detail);
    this.purpose = purpose;
    this.problem = problem;
  }
}

/** What became of a script whose answers do not tell that it did its work. */
export function scriptFailure(purpose: string, result: ProgramResult): ScriptError {
  const told = scriptAnswers(result).flatMap((answer) => failure.safeParse(answer).data ?? [])[0];
  if (told) return new ScriptError(purpose, told.failed, told.detail);
  return new ScriptError(purpose, 'lost', `exit code ${result.exitCode} ${errorText(result.stderr)}`.trim());
}
