import { AgentFault, type GuestAgent } from '../../guest/guest-agent.ts';
import type { GuestFileHost } from '../guest/guest-file-host.ts';
import type { VmRecord } from '../model/records.ts';
import { refOf } from '../properties/entity-properties.ts';
import type { Call, OperationHandler } from '../server-context.ts';
import { hasPrivilege } from '../sessions.ts';
import { dataOf, flagOf, optionalTextOf, referenceOf, textOf } from '../wire/fields.ts';
import { invalidArgument, noPermission, notAuthenticated, VimFault } from '../wire/vim-fault.ts';
import { type DataObject, data, isArray, type VimValue } from '../wire/vim-values.ts';

const PRIVILEGE = {
  query: 'VirtualMachine.GuestOperations.Query',
  modify: 'VirtualMachine.GuestOperations.Modify',
  execute: 'VirtualMachine.GuestOperations.Execute',
} as const;

/** A request to VMware Tools has no more room. */
const MAX_COMMAND_BYTES = 64 * 1024;

interface Inside {
  readonly vm: VmRecord;
  readonly agent: GuestAgent;
  readonly username: string;
}

/** A call into a guest, once everything that stands before it is in order. */
const inside =
  (
    privilege: (typeof PRIVILEGE)[keyof typeof PRIVILEGE],
    work: (call: Call, guest: Inside) => Promise<VimValue | undefined>,
  ): OperationHandler =>
  async (call) => {
    const guest = enter(call, privilege);
    await guest.agent.atWork();
    try {
      return await work(call, guest);
    } catch (error) {
      throw error instanceof AgentFault ? faultOf(error) : error;
    }
  };

export const guestOperations: Readonly<Record<string, OperationHandler>> = {
  ValidateCredentialsInGuest: inside(PRIVILEGE.query, async () => undefined),
  StartProgramInGuest: inside(PRIVILEGE.execute, async (call, { vm, agent, username }) => {
    const { fields } = dataOf(call.args, 'spec');
    const program = { path: textOf(fields, 'programPath'), arguments: textOf(fields, 'arguments') };
    if (program.path === '') throw invalidArgument('spec.programPath');
    if (Buffer.byteLength(program.path + program.arguments) > MAX_COMMAND_BYTES)
      throw invalidArgument('spec.arguments');
    for (const name of ['workingDirectory', 'envVariables'])
      if (fields[name] !== undefined)
        call.server.events.add('vcenter', 'unserved', call.operation, vm.name, { what: name });
    const pid = await agent.start(program, username);
    call.server.events.add('vcenter', 'effect', call.operation, vm.name, { pid });
    return pid;
  }),
  ListProcessesInGuest: inside(PRIVILEGE.query, async (call, { agent }) =>
    agent.processes(numbersOf(call.args.pids)).map((process) => data('GuestProcessInfo', { ...process })),
  ),
  TerminateProcessInGuest: inside(PRIVILEGE.execute, async (call, { agent }) => {
    agent.terminate(Number(call.args.pid));
    return undefined;
  }),
  CreateTemporaryDirectoryInGuest: inside(PRIVILEGE.modify, async ({ args }, { agent }) =>
    agent.makeTemporaryFolder(
      optionalTextOf(args, 'directoryPath') ?? '',
      textOf(args, 'prefix'),
      textOf(args, 'suffix'),
    ),
  ),
  MakeDirectoryInGuest: inside(PRIVILEGE.modify, async ({ args }, { agent }) => {
    await agent.makeFolder(textOf(args, 'directoryPath'), flagOf(args, 'createParentDirectories'));
    return undefined;
  }),
  DeleteFileInGuest: inside(PRIVILEGE.modify, async ({ args }, { agent }) => {
    await agent.deleteFile(textOf(args, 'filePath'));
    return undefined;
  }),
  DeleteDirectoryInGuest: inside(PRIVILEGE.modify, async ({ args }, { agent }) => {
    await agent.deleteFolder(textOf(args, 'directoryPath'), flagOf(args, 'recursive'));
    return undefined;
  }),
  InitiateFileTransferFromGuest: inside(PRIVILEGE.query, async (call, { agent }) => {
    const path = textOf(call.args, 'guestFilePath');
    const size = agent.readFile(path).length;
    const run = async () => agent.readFile(path);
    const url = fileHostOf(call).admit({ method: 'GET', sizeBytes: undefined, run });
    return data('FileTransferInformation', { attributes: attributes(agent), size, url });
  }),
  InitiateFileTransferToGuest: inside(PRIVILEGE.modify, async (call, { agent }) => {
    const path = textOf(call.args, 'guestFilePath');
    const overwrite = flagOf(call.args, 'overwrite');
    if (!overwrite && exists(agent, path)) throw new AgentFault('FileAlreadyExists', path);
    const run = async (body: Buffer) => {
      await agent.writeFile(path, body, overwrite);
      return undefined;
    };
    return fileHostOf(call).admit({ method: 'PUT', sizeBytes: Number(call.args.fileSize), run });
  }),
};

/** Privilege first, then the state of VM and Tools, then the account of the guest. */
function enter(call: Call, privilege: string): Inside {
  const { server, session, args } = call;
  const vm = server.model.entities.get(referenceOf(args, 'vm').id);
  if (vm?.type !== 'VirtualMachine') throw invalidArgument('vm');
  if (!session.login) throw notAuthenticated(refOf(vm), privilege);
  if (!hasPrivilege(session, privilege)) throw noPermission(refOf(vm), privilege);
  if (vm.spec.powerState !== 'poweredOn') {
    throw new VimFault('InvalidPowerState', 'The attempted operation cannot be performed in the current state.', {
      requestedState: 'poweredOn',
      existingState: vm.spec.powerState,
    });
  }
  const { toolsRunningStatus, guestOperationsReady = true } = vm.spec.guest ?? {};
  const agent = server.agents.get(vm.spec.instanceUuid);
  if (toolsRunningStatus !== 'guestToolsRunning' || !guestOperationsReady || !agent) {
    throw new VimFault('GuestOperationsUnavailable', 'The guest operations agent could not be contacted.');
  }
  const auth = dataOf(args, 'auth');
  if (auth.type !== 'NamePasswordAuthentication') throw invalidArgument('auth');
  const username = textOf(auth.fields, 'username');
  if (!agent.takes(username, textOf(auth.fields, 'password'))) {
    server.events.add('vcenter', 'effect', 'refused guest login', vm.name, { username });
    throw new VimFault('InvalidGuestLogin', 'Failed to authenticate with the guest operating system.');
  }
  return { vm, agent, username };
}

function fileHostOf({ server }: Call): GuestFileHost {
  if (server.guestFileHost) return server.guestFileHost;
  throw new VimFault('GuestOperationsUnavailable', 'This lab has no host for files of guests.');
}

function exists(agent: GuestAgent, path: string): boolean {
  try {
    agent.readFile(path);
    return true;
  } catch (error) {
    if (error instanceof AgentFault) return false;
    throw error;
  }
}

const faultOf = ({ type, about, message }: AgentFault): VimFault => {
  if (type === 'GuestProcessNotFound') return new VimFault(type, message, { pid: Number(about) });
  return new VimFault(type, message, type === 'GuestPermissionDenied' ? {} : { file: about });
};

const attributes = ({ family }: GuestAgent): DataObject =>
  family === 'windows'
    ? data('GuestWindowsFileAttributes', { modificationTime: new Date(), hidden: false, readOnly: false })
    : data('GuestPosixFileAttributes', { modificationTime: new Date(), ownerId: 0, groupId: 0, permissions: 384 });

const numbersOf = (value: VimValue | undefined): readonly number[] => (isArray(value) ? value.map(Number) : []);
