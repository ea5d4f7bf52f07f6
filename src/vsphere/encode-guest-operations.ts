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
  { parent, prefix }: { readonly parent: string; readonly prefix: string },
): SoapObject => ({ ...inGuest(fileManager, place), prefix, suffix: '', directoryPath: parent });

/** vSphere API: GuestFileManager.InitiateFileTransferFromGuest. */
export const transferFromGuest = (fileManager: VimRef, place: GuestPlace, guestFilePath: string): SoapObject => ({
  ...inGuest(fileManager, place),
  guestFilePath,
});
