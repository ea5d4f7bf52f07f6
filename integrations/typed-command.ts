import { SnaphookError } from '../src/ports/errors.ts';
import type { InstallItem, InstallRequest, ProductCall, RawCall } from './contract.ts';
import { batchWord, fieldWord, shellFieldWord, shellWord } from './quoting.ts';

/** For products whose own words do not tell it. Errors: `E_USAGE`. */
export function requirePhase({ phase }: RawCall): NonNullable<RawCall['phase']> {
  if (phase) return phase;
  throw new SnaphookError('E_USAGE', 'nothing says whether this is before or after the backup', {
    hint: 'The command of the product has to begin with `snaphook hook pre`, `snaphook hook post` or `snaphook hook list`.',
  });
}

/** A product that calls what somebody typed into it and tells nothing: words it may add one day change nothing. Errors: `E_USAGE`. */
export const typedCall = (call: RawCall): ProductCall => ({ phase: requirePhase(call) });

/** The words of a hook's command. `phase` undefined: the product tells it by itself. `limitSeconds` of 0: the product waits as long as it takes. */
export function hookWords(
  integration: string,
  phase: 'pre' | 'post' | undefined,
  { job, program, configFile }: InstallRequest,
  limitSeconds?: string,
): readonly string[] {
  return [
    program,
    'hook',
    ...(phase === undefined ? [] : [phase]),
    `--integration=${integration}`,
    `--job=${job}`,
    ...(configFile === undefined ? [] : [`--config=${configFile}`]),
    ...(limitSeconds === undefined ? [] : [`--limit-seconds=${limitSeconds}`]),
  ];
}

/** As a shell of the product's system reads it from a field of the product or at a prompt. Errors: `E_USAGE` for line ends. */
export const commandLine = (system: InstallRequest['system'], words: readonly string[]): string =>
  words.map(system === 'windows' ? fieldWord : shellFieldWord).join(' ');

/** The same within a script, which is a batch file on Windows. */
export const commandInScript = (system: InstallRequest['system'], words: readonly string[]): string =>
  words.map(system === 'windows' ? batchWord : shellWord).join(' ');

/** The words of a command for a field that cuts off program and arguments: program, and the rest as one text. */
export const commandAndArguments = (system: InstallRequest['system'], words: readonly string[]) => ({
  command: words[0] ?? '',
  parameters: commandLine(system, words.slice(1)),
});

/**
 * Where hook files lie that a product takes by their path; `install` makes the folder. Only administrators can make files there: below
 * ProgramData any user could have made them first, and would own what SYSTEM runs.
 */
export const hookFolder = (system: InstallRequest['system']): string =>
  system === 'windows' ? String.raw`C:\Program Files\snaphook\hooks` : '/etc/snaphook/hooks';

/** The path without its space, for products that would cut it there: every Windows gives its folder of programs this second name. */
export const withoutSpace = (file: string): string =>
  file.replace(/^C:\\Program Files\\/, String.raw`C:\PROGRA~1`.concat('\\'));

/** Part of a file's name, made of a job's: no separator, nothing hidden, and not the same for two jobs that differ. */
export function fileNamePart(job: string): string {
  if (/^[\w-][\w.-]{0,99}$/.test(job)) return job;
  throw new SnaphookError('E_USAGE', `job "${job}" cannot be part of a file name`, {
    hint: 'Name the job with letters, digits, "-", "_" and "." only, to let a product call it by a file.',
  });
}

/** A program of two lines that calls the hook, for products that take a path. `passWords`: what it is called with stands behind `--`. */
export function hookFile(
  integration: string,
  phase: 'pre' | 'post',
  request: InstallRequest,
  options: { readonly folder?: string; readonly limitSeconds?: string; readonly passWords?: boolean } = {},
): Extract<InstallItem, { readonly kind: 'file' }> {
  const { job, system } = request;
  const folder = options.folder ?? hookFolder(system);
  const passed = options.passWords ? (system === 'windows' ? ' -- %*' : ' -- "$@"') : '';
  const command = commandInScript(system, hookWords(integration, phase, request, options.limitSeconds)) + passed;
  const name = `${integration}-${phase}-${fileNamePart(job)}`;
  return system === 'windows'
    ? {
        kind: 'file',
        path: `${folder}\\${name}.bat`,
        mode: 0o644,
        content: `@echo off\r\n${command}\r\nexit /b %ERRORLEVEL%\r\n`,
      }
    : { kind: 'file', path: `${folder}/${name}`, mode: 0o755, content: `#!/bin/sh\nexec ${command}\n` };
}
