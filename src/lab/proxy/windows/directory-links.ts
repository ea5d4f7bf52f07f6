import { existsSync, lstatSync, readlinkSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { CmdletError } from './cmdlet.ts';
import type { LinkPipeline } from './pipeline.ts';
import type { MachineShadow } from './volume-shadows.ts';
import type { WindowsMachine } from './windows-machine.ts';

/** As Windows keeps a target that begins with `\\?\`, and as Node.js reads it there. */
const STORED = '\\??\\';

/**
 * mklink in the folder. The link is a real one of this system, with the text that a link of Windows has: no program of this system can go
 * through it, `shadowBehind` does. mklink does not ask whether its target is there.
 */
export function linkToShadow(machine: WindowsMachine, { folder, name, target }: LinkPipeline): void {
  if (!existsSync(folder))
    throw new CmdletError(
      'PathNotFound,Microsoft.PowerShell.Commands.PushLocationCommand',
      `cannot find path '${folder}' because it does not exist`,
    );
  const link = path.join(folder, name);
  // Making links is a privilege of administrators; and nothing is replaced.
  if (!machine.isElevated || lstatSync(link, { throwIfNoEntry: false })) {
    throw new CmdletError('mklink ended with 1', 'mklink ended with 1');
  }
  symlinkSync(target.replace('\\\\?\\', STORED), link);
}

/** The shadow copy that a link leads to now; undefined: it leads nowhere. */
export function shadowBehind(machine: WindowsMachine, link: string): MachineShadow | undefined {
  // The root folder of the device: without the separator at its end it would be the device itself.
  const [, number] = /^\\\?\?\\GLOBALROOT\\Device\\HarddiskVolumeShadowCopy(\d+)\\$/.exec(readlinkSync(link)) ?? [];
  return number === undefined ? undefined : machine.shadows.at(Number(number));
}

/** Goes through the link. What every NTFS with shadow copies has in its root folder is hidden, and else the lab knows none of its files. */
export function openThroughLink(machine: WindowsMachine, link: string): void {
  const shadow = lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() ? shadowBehind(machine, link) : undefined;
  if (shadow?.read?.(3, 8).toString('latin1') === 'NTFS    ') return;
  throw new CmdletError(
    'ItemNotFound,Microsoft.PowerShell.Commands.GetChildItemCommand',
    `cannot find path '${link}' because it does not exist`,
  );
}
