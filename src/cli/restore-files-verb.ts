import path from 'node:path';
import { loadConfig } from '../config/load.ts';
import { type FilesResult, restoreFiles } from '../job/files-restore.ts';
import { systemClock } from '../platform/clock.ts';
import type { Reporter } from '../ports/reporter.ts';
import { createLinuxFileSystems } from '../proxy/linux/linux-file-systems.ts';
import { withPorts } from './compose.ts';
import type { VerbResult } from './console.ts';
import { EXIT } from './exit-codes.ts';
import { jsonDocument } from './render/json.ts';
import { bytesText, lineOf, table } from './render/text.ts';
import { backupOf } from './restore-verb.ts';

export interface RestoreFilesOptions {
  readonly manifest: string;
  readonly vm: string | undefined;
  readonly publicKey: string | undefined;
  readonly disk: readonly string[];
  readonly path: string;
  readonly volume: string | undefined;
  readonly to: string;
  readonly apply: boolean;
}

const SHOWN = 100;

export async function restoreFilesVerb(
  {
    configFile,
    reporter,
    signal,
  }: { readonly configFile: string; readonly reporter: Reporter; readonly signal: AbortSignal },
  options: RestoreFilesOptions,
): Promise<VerbResult> {
  const to = path.resolve(options.to);
  const request = {
    ...backupOf(options.manifest, options.publicKey),
    vm: options.vm,
    disks: options.disk,
    path: options.path,
    volumeName: options.volume,
    to,
    apply: options.apply,
  };
  return withPorts(loadConfig(configFile), reporter, async (ports) => {
    // Nobody else has to see what is mounted here.
    const fileSystems = createLinuxFileSystems(systemClock, 'any');
    const result = await restoreFiles({ ...ports, fileSystems }, request, signal);
    const { runId, backup, found, summary } = result;
    return {
      document: jsonDocument('restore-files', {
        ok: true,
        applied: options.apply,
        runId,
        of: { name: backup.vm.name, grade: backup.vm.grade },
        backup: { runId: backup.runId, snapshot: backup.snapshot, createdAt: backup.createdAt },
        disk: found.disk,
        fileSystem: { kind: found.volume.holds, uuid: found.volume.uuid, partition: found.volume.partition },
        path: options.path,
        to,
        notIncluded: found.notIncluded,
        ...summary,
      }),
      text: textOf(result, options, to),
      exitCode: EXIT.ok,
    };
  });
}

function textOf({ backup, found, summary }: FilesResult, options: RestoreFilesOptions, to: string): string {
  const { files, folders, links, specials, sizeBytes, entries } = summary;
  const shown = entries.slice(0, SHOWN);
  const others = files + folders + links + specials - shown.length;
  const what = `${files} file(s) of ${bytesText(sizeBytes)}, ${folders} folder(s), ${links} link(s)`;
  const fileSystem = `${found.volume.holds ?? 'unknown'} on "${found.disk}"`;
  return [
    lineOf(
      `"${options.path}" of VM "${backup.vm.name}" in the backup of ${backup.createdAt}, grade ${backup.vm.grade}: ${fileSystem}`,
    ),
    table(shown.map(({ kind, sizeBytes: bytes, path: name }) => [kind, kind === 'file' ? bytesText(bytes) : '', name])),
    others > 0 ? `and ${others} more\n` : '',
    ...found.notIncluded.map((place) => lineOf(`warning: "${place}" is another file system, and is not included`)),
    specials > 0 ? `warning: ${specials} device(s), socket(s) or pipe(s) are left out\n` : '',
    options.apply
      ? `${what} are in ${to}\n`
      : `${what}. Nothing was copied; with \`--apply\` they are copied to ${to}\n`,
  ].join('');
}
