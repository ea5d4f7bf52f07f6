import { SnaphookError } from '../src/ports/errors.ts';
import type { InstallRequest, ProductCall, RawCall } from './contract.ts';
import { batchWord, shellWord } from './quoting.ts';

/** A product that calls what somebody typed into it and tells nothing: words it may add one day change nothing. Errors: `E_USAGE`. */
export function typedCall({ phase }: RawCall): ProductCall {
  if (phase) return { phase };
  throw new SnaphookError('E_USAGE', 'nothing says whether this is before or after the backup', {
    hint: 'The command of the product has to begin with `snaphook hook pre` or `snaphook hook post`.',
  });
}

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
    ...(phase ? [phase] : []),
    `--integration=${integration}`,
    `--job=${job}`,
    ...(configFile === undefined ? [] : [`--config=${configFile}`]),
    ...(limitSeconds === undefined ? [] : [`--limit-seconds=${limitSeconds}`]),
  ];
}

/** As a shell of the product's system reads it. */
export const commandLine = (system: InstallRequest['system'], words: readonly string[]): string =>
  words.map(system === 'windows' ? batchWord : shellWord).join(' ');

/** Where hook files lie that a product takes by their path; `install` makes the folder. */
export const hookFolder = (system: InstallRequest['system']): string =>
  system === 'windows' ? String.raw`C:\ProgramData\snaphook\hooks` : '/etc/snaphook/hooks';

/** Part of a file's name, made of a job's: no separator, nothing hidden, and not the same for two jobs that differ. */
export function fileNamePart(job: string): string {
  if (/^[\w-][\w.-]{0,99}$/.test(job)) return job;
  throw new SnaphookError('E_USAGE', `job "${job}" cannot be part of a file name`, {
    hint: 'Name the job with letters, digits, "-", "_" and "." only, to let a product call it by a file.',
  });
}
