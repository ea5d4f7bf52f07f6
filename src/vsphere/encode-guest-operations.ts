import type { GuestAccount } from '../ports/guest-operations.ts';
import type { VimRef } from './decode.ts';
import { managedObject, type SoapObject } from './encode.ts';

/** Request bodies of guest operations; the order of the keys is the wire order, as in `encode.ts`. */

/** One VM with the account that works in its guest. */
export interface GuestPlace {
  readonly vm: VimRef;
  readonly account: GuestAccount;
}

const inGuest = (manager: VimRef, { vm, account }: GuestPlace) => ({
  _this: managedObject(manager),
  vm: managedObject(vm),
  auth: {
    attributes: { 'xsi:type': 'NamePasswordAuthentication' },
    interactiveSession: false,
    username: account.username,
    password: account.password,
  },
});

/** vSphere API: GuestAuthManager.ValidateCredentialsInGuest. */
export const validateCredentials = (authManager: VimRef, place: GuestPlace): SoapObject => inGuest(authManager, place);

/** vSphere API: GuestProcessManager.StartProgramInGuest. */
export const startProgram = (
  processManager: VimRef,
  place: GuestPlace,
  program: { readonly path: string; readonly arguments: string },
): SoapObject => ({
  ...inGuest(processManager, place),
  spec: {
    attributes: { 'xsi:type': 'GuestProgramSpec' },
    programPath: program.path,
    arguments: program.arguments,
  },
});

/** vSphere API: GuestProcessManager.ListProcessesInGuest. */
export const listProcesses = (processManager: VimRef, place: GuestPlace, pids: readonly number[]): SoapObject => ({
  ...inGuest(processManager, place),
  pids,
});

/** vSphere API: GuestFileManager.CreateTemporaryDirectoryInGuest. */
export const createTemporaryDirectory = (
  fileManager: VimRef,
  place: GuestPlace,
  { parent, prefix }: { readonly parent: string | undefined; readonly prefix: string },
): SoapObject => ({
  ...inGuest(fileManager, place),
  prefix,
  suffix: '',
  // Without it the guest takes the place that it has for temporary files.
  ...(parent !== undefined && { directoryPath: parent }),
});

/** vSphere API: GuestFileManager.DeleteDirectoryInGuest. */
export const deleteDirectory = (fileManager: VimRef, place: GuestPlace, directoryPath: string): SoapObject => ({
  ...inGuest(fileManager, place),
  directoryPath,
  recursive: true,
});

/** vSphere API: GuestProcessManager.TerminateProcessInGuest. */
export const terminateProcess = (processManager: VimRef, place: GuestPlace, pid: number): SoapObject => ({
  ...inGuest(processManager, place),
  pid,
});

/** vSphere API: GuestFileManager.InitiateFileTransferToGuest. Attributes that are not given are the guest's own. */
export const transferToGuest = (
  fileManager: VimRef,
  place: GuestPlace,
  { path, sizeBytes }: { readonly path: string; readonly sizeBytes: number },
): SoapObject => ({
  ...inGuest(fileManager, place),
  guestFilePath: path,
  fileAttributes: { attributes: { 'xsi:type': 'GuestFileAttributes' } },
  fileSize: sizeBytes,
  overwrite: false,
});

/** vSphere API: GuestFileManager.InitiateFileTransferFromGuest. */
export const transferFromGuest = (fileManager: VimRef, place: GuestPlace, guestFilePath: string): SoapObject => ({
  ...inGuest(fileManager, place),
  guestFilePath,
});
