import { SnaphookError } from '../../ports/errors.ts';
import { seesMountsOf } from './mounts.ts';

const FIRST_PROCESS = 1;

/** What is mounted in a namespace of the hook's own the backup product would find as empty folders, and back up as such. */
export async function requireMachinesMounts(directory: string): Promise<void> {
  const sees = await seesMountsOf(FIRST_PROCESS);
  if (sees === true) return;
  const message =
    sees === undefined
      ? `whether others see what the hook mounts in "${directory}" cannot be told`
      : `nobody else would see what the hook mounts in "${directory}": it runs in a mount namespace of its own`;
  throw new SnaphookError('E_PROXY', message, {
    hint: 'Let the backup product run the hook outside of containers and without PrivateTmp, ProtectSystem and the like of systemd; or set `proxy.mountNamespace: any` where the product sees what its hooks mount.',
  });
}
