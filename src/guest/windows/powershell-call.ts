import { scriptCall } from './powershell.ts';
import type { GuestProgram } from './windows-commands.ts';

/** What a script is called with; an object becomes a PSCustomObject, a list an array. */
export type PowerShellValue =
  | string
  | number
  | boolean
  | null
  | readonly PowerShellValue[]
  | { readonly [name: string]: PowerShellValue };

/**
 * Always the same, so that script and parameters are data: both come as JSON over standard input and are never part of a
 * command line.
 */
const CALLER = `# snaphook call 1
$ErrorActionPreference='Stop'
$ProgressPreference='SilentlyContinue'
[Console]::OutputEncoding=New-Object Text.UTF8Encoding $false
try{
$call=ConvertFrom-Json ([Text.Encoding]::UTF8.GetString([Convert]::FromBase64String((@($input) -join ''))))
$parameters=@{}
foreach($each in $call.parameters.PSObject.Properties){$parameters[$each.Name]=$each.Value}
$global:LASTEXITCODE=0
& ([ScriptBlock]::Create($call.script)) @parameters
}catch{
[Console]::Error.WriteLine(($_|Out-String).TrimEnd())
exit 1
}
exit $LASTEXITCODE
`;

/** Readers of lines have limits. */
const LINE_CHARACTERS = 8000;

/** Runs a script with parameters. Needs PowerShell 3 or newer. */
export function powerShellCall(script: string, parameters: Readonly<Record<string, PowerShellValue>>): GuestProgram {
  const call = Buffer.from(JSON.stringify({ script, parameters }), 'utf8').toString('base64');
  return scriptCall(CALLER, call.match(new RegExp(`.{1,${LINE_CHARACTERS}}`, 'g')) ?? []);
}
