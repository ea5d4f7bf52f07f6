import path from 'node:path';
import { loadConfig } from '../config/load.ts';
import { parseVmSelector } from '../config/vm-selector.ts';
import { MANIFEST_NAME } from '../job/plan.ts';
import { type RestoreResult, restoreVm } from '../job/restore.ts';
import { planRestore, type RestoreGoal, type RestoreRequest } from '../job/restore-plan.ts';
import { SnaphookError } from '../ports/errors.ts';
import { OF_MANY } from '../ports/hypervisor.ts';
import type { Reporter } from '../ports/reporter.ts';
import { withPorts } from './compose.ts';
import type { VerbResult } from './console.ts';
import { EXIT } from './exit-codes.ts';
import { requireSignature } from './manifest-signature.ts';
import { jsonDocument } from './render/json.ts';
import { restorePlanDocument, restorePlanText } from './render/restore-plan.ts';
import { lineOf } from './render/text.ts';

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
  readonly into: string | undefined;
  readonly host: string | undefined;
  readonly datastore: string | undefined;
  readonly folder: string | undefined;
  readonly resourcePool: string | undefined;
  readonly connectNetwork: boolean;
  readonly nvram: boolean;
  readonly apply: boolean;
}

export async function restoreVerb(call: Call, options: RestoreOptions): Promise<VerbResult> {
  const { configFile, reporter, signal } = call;
  const request: RestoreRequest = {
    ...backupOf(options.manifest, options.publicKey),
    vm: options.vm,
    disks: options.disk,
    goal: goalOf(options),
    connectNetwork: options.connectNetwork,
    nvram: options.nvram,
  };
  return withPorts(loadConfig(configFile), reporter, async (ports) => {
    if (!options.apply) {
      const plan = await planRestore(ports, request, signal);
      const now = ports.clock.now();
      return {
        document: jsonDocument('restore', { ok: true, applied: false, ...restorePlanDocument(plan, now) }),
        text: `${restorePlanText(plan, now)}Nothing was changed; \`snaphook restore run\` with \`--apply\` does it.\n`,
        exitCode: EXIT.ok,
      };
    }
    const result = await restoreVm(ports, request, signal);
    const { runId, plan, vm, name, replacedAs } = result;
    const now = ports.clock.now();
    return {
      document: jsonDocument('restore', {
        ok: true,
        applied: true,
        runId,
        moRef: vm,
        replacedAs,
        ...restorePlanDocument(plan, now),
        name,
      }),
      text: `${restorePlanText(plan, now)}${endText(result)}`,
      exitCode: EXIT.ok,
    };
  });
}

function endText({ plan, vm, name, replacedAs }: RestoreResult): string {
  if (plan.into) {
    return lineOf(
      `VM "${plan.into.name}" has the disk(s); their files lie in the folder of VM "${name}" (${vm}): keep that as long as they are used`,
    );
  }
  const replaced =
    replacedAs === undefined
      ? ''
      : lineOf(`the VM that was there is "${replacedAs}" now, powered off; remove it in vCenter when you are sure`);
  return lineOf(`VM "${name}" (${vm}) is restored, powered off`) + replaced;
}

function goalOf(options: RestoreOptions): RestoreGoal {
  const { as, inPlace, into, host, datastore, folder, resourcePool } = options;
  if ([as !== undefined, inPlace, into !== undefined].filter(Boolean).length !== 1) {
    throw new SnaphookError('E_USAGE', 'it is not said what the restored VM is to be', {
      hint: 'Give `--as NAME` for a new VM, `--in-place` to take the place of the VM, or `--into VM` to give disks to another one.',
    });
  }
  if (into !== undefined) return intoGoal(options, into);
  if (host === undefined || datastore === undefined) {
    throw new SnaphookError('E_USAGE', 'it is not said where the VM is to lie', {
      hint: 'Give `--host` and `--datastore`.',
    });
  }
  if (inPlace && folder !== undefined) {
    throw new SnaphookError('E_USAGE', 'a VM that takes the place of another has no folder of its own', {
      hint: 'Leave out `--folder`: the restored VM lies where the other one does.',
    });
  }
  const place = { host, datastore, folder, resourcePool };
  return as === undefined ? { kind: 'in-place', place } : { kind: 'new', name: as, place };
}

function intoGoal(options: RestoreOptions, into: string): RestoreGoal {
  const { disk, datastore, host, folder, resourcePool, connectNetwork } = options;
  if (disk.length === 0) {
    throw new SnaphookError('E_USAGE', 'it is not said which disks another VM is to get', {
      hint: 'Give `--disk LABEL`, once or more.',
    });
  }
  if (host !== undefined || folder !== undefined || resourcePool !== undefined || connectNetwork) {
    throw new SnaphookError('E_USAGE', 'disks that another VM gets are brought where that VM is', {
      hint: 'Leave out `--host`, `--folder`, `--resource-pool` and `--connect-network`; `--datastore` may be given.',
    });
  }
  const vm = parseVmSelector(into);
  if (!OF_MANY.includes(vm.by)) return { kind: 'into', vm, datastore };
  throw new SnaphookError('E_USAGE', `"${into}" may mean several VMs`, {
    hint: 'Name one, by name, uuid:<instance UUID>, moref:<id> or path:<inventory path>.',
  });
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
