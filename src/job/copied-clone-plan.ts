import type { VmRecord } from '../ports/hypervisor.ts';
import { clonable, placeOf, refused } from './clone-plan.ts';
import type { CloneWish } from './job-spec.ts';
import type { CopiedClonePlan } from './plan.ts';
import type { JobPorts } from './ports.ts';

/** Where vCenter is to copy the VM to. Errors: `E_CLONE`, `E_VCENTER*`. */
export async function planCopiedClone(
  ports: JobPorts,
  wish: CloneWish,
  vms: readonly VmRecord[],
  signal: AbortSignal,
): Promise<CopiedClonePlan> {
  const vm = clonable(vms);
  const name = wish.datastore ?? datastoreOf(vm);
  const { hostStorage } = ports;
  try {
    const home = await hostStorage.homeOf(vm.moRef, signal);
    const place = await placeOf(ports, wish, { vm, home }, signal);
    const mounted = await hostStorage.datastoresOf(place.host.moRef, signal);
    const datastore = mounted.find((one) => one.name === name);
    if (!datastore?.accessible) {
      throw refused(
        `ESXi host "${place.host.name}" ${datastore ? 'does not reach' : 'does not mount'} datastore "${name}"`,
        'Name another host, or another datastore as `clones.datastore`.',
      );
    }
    return { ...place, by: 'vcenter', datastore: { moRef: datastore.moRef, name: datastore.name } };
  } finally {
    await hostStorage.close();
  }
}

/** The one that all its disks are on. */
function datastoreOf({ name, disks }: VmRecord): string {
  const found = new Set(disks.flatMap(({ backing }) => (backing.kind === 'vvol' ? [backing.datastore] : [])));
  const [datastore, ...others] = found;
  if (datastore !== undefined && others.length === 0) return datastore;
  const names = [...found].map((one) => `"${one}"`).join(', ');
  throw refused(
    `the disks of VM "${name}" are on ${found.size} datastores: ${names}`,
    'Say with `clones.datastore` of the job where those of the clone are to lie.',
  );
}
