import { SnaphookError } from '../../../ports/errors.ts';
import type { ListedWriter } from '../../../ports/guest.ts';
import { excerpt } from '../../lines.ts';
import type { WindowsCommands } from '../windows-commands.ts';
import type { ResolvedSettings } from '../windows-guest-settings.ts';
import { fitsWriter } from '../writers.ts';
import { isOfWindows, parseWriters } from './list-writers.ts';

interface GuestWithWriters {
  readonly guest: string;
  readonly commands: WindowsCommands;
  readonly vssadmin: string;
  /** Without a list of required writers: all but those of Windows itself. */
  readonly settings: Pick<ResolvedSettings, 'requiredWriters' | 'excludedWriters'>;
}

/** The writers of the guest as `vssadmin` sees them. Errors: `E_GUEST`. */
export async function listWriters(
  { guest, commands, vssadmin, settings: { requiredWriters, excludedWriters } }: GuestWithWriters,
  signal: AbortSignal,
): Promise<readonly ListedWriter[]> {
  const { exitCode, stdout, stderr } = await commands.run({ path: vssadmin, arguments: ['list', 'writers'] }, signal);
  const writers = parseWriters(stdout.toString('utf8'));
  if (exitCode !== 0 || writers.length === 0) {
    const said = excerpt(stdout.toString('utf8') || stderr.toString('utf8'));
    throw new SnaphookError(
      'E_GUEST',
      `vssadmin of guest "${guest}" lists no writers, exit code ${exitCode}: ${said}`,
      {
        hint: 'The account must be an administrator of the guest. Without writers, restart the services COM+ Event System and VSS.',
      },
    );
  }
  return writers.map((writer) => ({
    ...writer,
    verified:
      !excludedWriters.includes(writer.id) &&
      (requiredWriters?.some((wanted) => fitsWriter(writer.name, wanted)) ?? !isOfWindows(writer)),
  }));
}

/**
 * Errors: `E_WRITER_FAILED` where a writer that is needed is not there. One that is listed as failed may have failed the last set of anybody
 * and do well in the next: whether it does, the next set tells.
 */
export function requireWriters(
  guest: string,
  writers: readonly ListedWriter[],
  required: readonly string[] | undefined,
): void {
  const absent = (required ?? []).find((wanted) => !writers.some(({ name }) => fitsWriter(name, wanted)));
  if (absent !== undefined) {
    throw new SnaphookError('E_WRITER_FAILED', `guest "${guest}" has no VSS writer "${absent}"`, {
      hint: 'Check with: vssadmin list writers. Start the service of the application, or correct its name in requiredWriters.',
    });
  }
}
