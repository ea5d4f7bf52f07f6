import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { parseVmSelector } from '../config/vm-selector.ts';
import { rememberHelper } from '../job/guest-ways.ts';
import { openPlansOf } from '../job/open-plans.ts';
import type { JobPorts } from '../job/ports.ts';
import { whileVmsAreOurs } from '../job/vm-locks.ts';
import { findVm, guestOf } from '../job/vms.ts';
import type { Clock } from '../ports/clock.ts';
import { SnaphookError } from '../ports/errors.ts';
import type { GuestHelper, HelperFiles, HelperStatus } from '../ports/guest-helper.ts';
import type { GuestOperationsServer } from '../ports/guest-operations.ts';
import type { VmRecord } from '../ports/hypervisor.ts';
import type { Reporter } from '../ports/reporter.ts';
import { composeGuestOperations, withPorts } from './compose.ts';
import { composeGuestHelper } from './compose-guests.ts';
import type { VerbResult } from './console.ts';
import { EXIT } from './exit-codes.ts';
import { helperFilesIn, helperFolder } from './helper-files.ts';
import { jsonDocument } from './render/json.ts';
import { lineOf, table } from './render/text.ts';

interface GuestCall {
  readonly configFile: string;
  /** One VM, or a selector of it. */
  readonly vm: string;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

/** Brings the helper of this release into the guest and registers it, and these application plug-ins. */
export const guestInstallVerb = (
  call: GuestCall,
  from: string | undefined,
  plugIns: readonly string[] = [],
): Promise<VerbResult> =>
  whileUnused(call, async (helper, vm, signal, ports) => {
    const { status, brought } = await helper.install(await neededFiles(from), plugIns, signal);
    if (status.version !== undefined) await rememberHelper(ports, vm, status.version);
    return {
      document: jsonDocument('guest-install', { ok: true, vm: vm.name, brought, ...documentOf(helper, status) }),
      text:
        lineOf(`${vm.name}: ${status.version} is installed as ${status.path}`) +
        lineOf(brought.length === 0 ? 'its files were there already' : `brought: ${brought.join(', ')}`),
      exitCode: EXIT.ok,
    };
  });

/** Takes the helper out of the guest, and the application plug-ins of this release. */
export const guestUninstallVerb = (call: GuestCall, from: string | undefined): Promise<VerbResult> =>
  whileUnused(call, async (helper, vm, signal, ports) => {
    const removed = await helper.uninstall(await filesIfThere(from), signal);
    await rememberHelper(ports, vm, null);
    return {
      document: jsonDocument('guest-uninstall', { ok: true, vm: vm.name, removed }),
      text: lineOf(`${vm.name}: ${removed ? 'the helper is gone' : 'there is no helper'}`),
      exitCode: EXIT.ok,
    };
  });

/** Which helper the guest has. */
export const guestStatusVerb = (call: GuestCall, from: string | undefined): Promise<VerbResult> =>
  withHelper(call, async (helper, vm) => {
    const status = await helper.status(await knownFiles(from), call.signal);
    const installed = status.version !== undefined;
    return {
      document: jsonDocument('guest-status', { ok: installed, vm: vm.name, ...documentOf(helper, status) }),
      text: table([
        ['guest', vm.name],
        ['reached at', `${helper.endpoint} as ${helper.username}`],
        ['architecture', status.architecture],
        ['helper', status.version ?? 'not installed'],
        ['path', status.path],
        ...(status.isOurs === undefined
          ? []
          : [['files', status.isOurs ? 'those of this release' : 'others than ours']]),
      ]),
      exitCode: installed ? EXIT.ok : EXIT.preflight,
    };
  });

/** What the helper in the guest finds out about it, with nothing frozen. */
export const guestSelfTestVerb = (call: GuestCall): Promise<VerbResult> =>
  withHelper(call, async (helper, vm) => {
    const checks = await helper.selfTest(call.signal);
    const ok = checks.every((check) => check.ok);
    return {
      document: jsonDocument('guest-selftest', { ok, vm: vm.name, checks }),
      text: table(checks.map((check) => [check.ok ? 'ok' : 'FAILED', check.name, check.detail])),
      exitCode: ok ? EXIT.ok : EXIT.preflight,
    };
  });

async function knownFiles(from: string | undefined): Promise<HelperFiles | undefined> {
  const folder = await helperFolder(from);
  return folder === undefined ? undefined : helperFilesIn(folder);
}

/** Which plug-ins are its own a program without helpers cannot tell; that keeps nobody from taking the helper away. */
async function filesIfThere(from: string | undefined): Promise<HelperFiles | undefined> {
  const files = await knownFiles(from);
  return from === undefined && files ? (kind) => files(kind).catch(() => []) : files;
}

async function neededFiles(from: string | undefined): Promise<HelperFiles> {
  const files = await knownFiles(from);
  if (files) return files;
  throw new SnaphookError('E_USAGE', 'there are no helpers for guests beside this program', {
    hint: 'Name the folder with the helpers of this release by --from.',
  });
}

const documentOf = ({ endpoint, username }: GuestHelper, { version, isOurs, ...status }: HelperStatus) => ({
  endpoint,
  username,
  ...status,
  version: version ?? null,
  isOurs: isOurs ?? null,
});

type Work<Result> = (helper: GuestHelper, vm: VmRecord, signal: AbortSignal, ports: JobPorts) => Promise<Result>;

function withHelper<Result>(
  { configFile, vm: named, reporter, signal }: GuestCall,
  work: (helper: GuestHelper, vm: VmRecord, ports: JobPorts) => Promise<Result>,
): Promise<Result> {
  const config = loadConfig(configFile);
  return withPorts(config, reporter, async (ports) => {
    const vm = await findVm(ports.hypervisor, parseVmSelector(named), signal);
    const server = composeGuestOperations(config, ports.clock);
    try {
      return await work(helperOf(config, vm, ports.clock, server), vm, ports);
    } finally {
      await server.close();
    }
  });
}

function helperOf(config: Config, vm: VmRecord, clock: Clock, server: GuestOperationsServer): GuestHelper {
  const helper = composeGuestHelper(config.guests, guestOf(vm), clock, server);
  if (helper) return helper;
  throw new SnaphookError(
    'E_CONFIG',
    `VM "${vm.name}" is no Windows guest that can be reached by \`winrm\`, \`ssh\` or \`guestOperations\``,
    {
      hint:
        'Add it under `guests:`, with its address where VMware Tools report none. The helper of a Linux guest is copied by hand: ' +
        'docs/linux-freeze-helper.md; `snaphook doctor` looks at it.',
    },
  );
}

/** A helper that holds a guest, or keeps writers waiting for the end of a backup, must not be changed under its run. */
const whileUnused = (call: GuestCall, work: Work<VerbResult>): Promise<VerbResult> =>
  withHelper(call, (helper, vm, ports) =>
    whileVmsAreOurs(ports, [vm], 0, call.signal, async (held) => {
      const open = (await openPlansOf(ports)).find(({ vms }) =>
        vms.some(({ instanceUuid }) => instanceUuid === vm.instanceUuid),
      );
      if (open) {
        throw new SnaphookError('E_RUN_OPEN', `run "${open.runId}" is open and works with VM "${vm.name}"`, {
          hint: 'Let its post hook end it first; `snaphook status` shows it.',
          retry: 'safe',
        });
      }
      return await work(helper, vm, held, ports);
    }),
  );
