import path from 'node:path';
import { loadConfig } from '../config/load.ts';
import { MANIFEST_NAME } from '../job/plan.ts';
import type { RestorePlan } from '../job/restoration.ts';
import { restoreVm } from '../job/restore.ts';
import { planRestore, type RestoreRequest } from '../job/restore-plan.ts';
import { SnaphookError } from '../ports/errors.ts';
import type { Reporter } from '../ports/reporter.ts';
import { withPorts } from './compose.ts';
import type { VerbResult } from './console.ts';
import { EXIT } from './exit-codes.ts';
import { requireSignature } from './manifest-signature.ts';
import { jsonDocument } from './render/json.ts';
import { table } from './render/text.ts';

interface Call {
  readonly configFile: string;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

export interface RestoreOptions {
  readonly manifest: string;
  readonly vm: string | undefined;
  /** PEM file; undefined: a signature is not looked at. */
  readonly publicKey: string | undefined;
  readonly disk: readonly string[];
  readonly as: string | undefined;
  readonly inPlace: boolean;
  readonly host: string;
  readonly datastore: string;
  readonly folder: string | undefined;
  readonly resourcePool: string | undefined;
  readonly connectNetwork: boolean;
  readonly apply: boolean;
}

export async function restoreVerb(call: Call, options: RestoreOptions): Promise<VerbResult> {
  const { configFile, reporter, signal } = call;
  const request = requestOf(options);
  return withPorts(loadConfig(configFile), reporter, async (ports) => {
    if (!options.apply) {
      const plan = await planRestore(ports, request, signal);
      return {
        document: jsonDocument('restore', { ok: true, applied: false, ...documentOf(plan) }),
        text: `${textOf(plan)}Nothing was changed; \`snaphook restore run\` with \`--apply\` does it.\n`,
        exitCode: EXIT.ok,
      };
    }
    const { runId, plan, vm, replacedAs } = await restoreVm(ports, request, signal);
    const replaced =
      replacedAs === undefined
        ? ''
        : `the VM that was there is "${replacedAs}" now, powered off; remove it in vCenter when you are sure\n`;
    return {
      document: jsonDocument('restore', { ok: true, applied: true, runId, moRef: vm, replacedAs, ...documentOf(plan) }),
      text: `${textOf(plan)}VM "${plan.vm.name}" (${vm}) is restored, powered off\n${replaced}`,
      exitCode: EXIT.ok,
    };
  });
}

function requestOf(options: RestoreOptions): RestoreRequest {
  const { manifest, as, inPlace, host, datastore, folder, resourcePool } = options;
  if ((as === undefined) !== inPlace) {
    throw new SnaphookError('E_USAGE', 'it is not said what the restored VM is to be', {
      hint: 'Give `--as NAME` for a new VM, or `--in-place` to take the place of the VM.',
    });
  }
  if (inPlace && folder !== undefined) {
    throw new SnaphookError('E_USAGE', 'a VM that takes the place of another has no folder of its own', {
      hint: 'Leave out `--folder`: the restored VM lies where the other one does.',
    });
  }
  return {
    ...backupOf(manifest, options.publicKey),
    vm: options.vm,
    disks: options.disk,
    place: { host, datastore, folder, resourcePool },
    as: as === undefined ? 'original' : { name: as },
    connectNetwork: options.connectNetwork,
  };
}

/** The directory of a backup, by its own path or by that of its manifest. */
export function backupOf(
  manifest: string,
  publicKey: string | undefined,
): Pick<RestoreRequest, 'directory' | 'requireGenuine'> {
  const isFile = path.basename(manifest) === MANIFEST_NAME;
  const directory = path.resolve(isFile ? path.dirname(manifest) : manifest);
  return {
    directory,
    requireGenuine:
      publicKey === undefined
        ? undefined
        : (text) => requireSignature(path.join(directory, MANIFEST_NAME), publicKey, text),
  };
}

const documentOf = (plan: RestorePlan) => ({
  name: plan.vm.name,
  of: plan.of,
  backup: plan.backup,
  host: plan.place.host.name,
  datastore: plan.place.datastore.name,
  replaces: plan.replaces,
  disks: plan.disks.map(({ label, image }) => ({ label, image: image.path, sizeBytes: image.sizeBytes })),
  connectNetwork: plan.vm.connectNetwork,
  warnings: plan.warnings,
});

function textOf({ vm, of, backup, place, disks, replaces, warnings }: RestorePlan): string {
  const { hardware } = vm;
  return [
    `VM "${vm.name}"${replaces ? ` in place of ${replaces.moRef}` : ''} on ESXi host ${place.host.name}, datastore ${place.datastore.name}\n`,
    `from the backup of "${of.name}" of ${backup.createdAt}, grade ${of.grade}, snapshot ${backup.snapshot}\n`,
    `${hardware.cpus} CPU(s), ${hardware.memoryMiB} MiB, ${hardware.firmware}${hardware.secureBoot ? ' with secure boot' : ''}, ${hardware.adapters.length} network adapter(s), ${vm.connectNetwork ? 'connected' : 'not connected'} at power-on\n`,
    table([
      ['disk', 'image', 'bytes'],
      ...disks.map(({ label, image }) => [label, image.path, String(image.sizeBytes)]),
    ]),
    ...warnings.map((warning) => `warning: ${warning}\n`),
  ].join('');
}
