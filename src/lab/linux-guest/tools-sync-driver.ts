import { QuiesceError, type StandStill } from '../guest/vmware-tools.ts';
import { ERRNO, type GuestFileSystem } from './guest-file-system.ts';

/** VMware Tools as the sync driver: FIFREEZE of every file system, the last mounted first; one that fails thaws all (open-vm-tools). */
export function toolsSyncDriver(fileSystems: readonly GuestFileSystem[]): StandStill {
  return async () => {
    const frozen: GuestFileSystem[] = [];
    const thaw = () => {
      for (const fileSystem of frozen.reverse()) fileSystem.thaw();
    };
    for (const fileSystem of [...fileSystems].reverse()) {
      const errno = await fileSystem.freeze();
      if (errno !== ERRNO.none) {
        thaw();
        throw new QuiesceError('file-system', `${fileSystem.mountPoint}: errno ${errno}`);
      }
      frozen.push(fileSystem);
    }
    return async () => thaw();
  };
}
