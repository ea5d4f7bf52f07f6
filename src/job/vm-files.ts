import type { InstanceUuid } from '../ports/identity.ts';
import { filesOfImage, type HandedOverFile } from '../ports/images.ts';
import { folderOfOwner } from './image-names.ts';
import { safeFileName } from './names.ts';
import { canDescribe } from './ovf.ts';
import {
  FILES_INDEX_NAME,
  imageFormatOf,
  imagesOf,
  isHandedOver,
  MANIFEST_NAME,
  type Plan,
  type PlannedDisk,
  type PlannedVm,
  SIGNATURE_NAME,
} from './plan.ts';

/** `vmx`, `nvram`: the VM's own, as vCenter gives them. `ovf`: a descriptor that is made of its hardware. */
export type VmFileKind = 'vmx' | 'nvram' | 'ovf';

/** A small file of a VM beside its images. */
export interface PlannedVmFile {
  readonly vm: InstanceUuid;
  readonly kind: VmFileKind;
  /** Relative to the hand-over directory. */
  readonly path: string;
}

/**
 * The small files that a run may put beside its images, the same on every run. Names are made of the VM's name, and of its instance UUID
 * where another VM's name gives the same; where there are owner groups, they lie in the folder of the VM's own.
 */
export function vmFilesOf(plan: Plan): readonly PlannedVmFile[] {
  if (!isHandedOver(plan) || plan.spec.files || plan.spec.expose) return [];
  const names = plan.vms.map(({ name }) => safeFileName(name).toLowerCase());
  return plan.vms.flatMap((vm): readonly PlannedVmFile[] => {
    const safe = safeFileName(vm.name);
    const isAlone = names.filter((name) => name === safe.toLowerCase()).length === 1;
    const name = isAlone ? safe : `${safe}-${vm.instanceUuid}`;
    const folder = `${folderOfOwner(vm.name, plan.spec.ownerGroups ?? [])}${name}`;
    const ovfFolder = folderOfOvf(plan, vm);
    const own = readsConfiguration(plan) ? (['vmx', 'nvram'] as const) : [];
    return [
      ...own.map((kind) => ({ vm: vm.instanceUuid, kind, path: `${folder}/${name}.${kind}` })),
      ...(ovfFolder === undefined
        ? []
        : [{ vm: vm.instanceUuid, kind: 'ovf' as const, path: `${ovfFolder}/${name}.ovf` }]),
    ];
  });
}

/** A kept snapshot is of another time than what vCenter has now. */
export const readsConfiguration = (plan: Plan): boolean =>
  (plan.spec.configurationFiles ?? 'off') !== 'off' && plan.borrowed === undefined && isHandedOver(plan);

/** Undefined: no descriptor can name the VM's disks. It needs one image a disk, of a format that OVF knows, all of them beside it. */
function folderOfOvf(plan: Plan, vm: PlannedVm): string | undefined {
  const { hardware, disks } = vm;
  if (imageFormatOf(plan.spec) !== 'vmdk-stream' || hardware === undefined) return undefined;
  if (
    plan.devices.some(
      ({ device, holds }) => holds === 'datastore' && disks.some(({ devices }) => devices.includes(device)),
    )
  )
    return undefined;
  const images = disks.map((disk) => imagesOfDisk(plan, vm.instanceUuid, disk));
  const [folder, ...others] = new Set(images.flat().map((path) => path.slice(0, path.lastIndexOf('/'))));
  const keys = disks.map(({ key }) => key);
  return images.every(({ length }) => length === 1) && others.length === 0 && canDescribe(hardware, keys)
    ? folder
    : undefined;
}

/** None where file systems are handed over. */
export function imagesOfDisk({ spec, devices, managed }: Plan, vm: InstanceUuid, disk: PlannedDisk): readonly string[] {
  if (spec.files || spec.expose) return [];
  const own = managed
    ? managed.disks.filter((one) => one.vm === vm && one.key === disk.key)
    : devices.filter(({ device }) => disk.devices.includes(device));
  return own.map(({ imagePath }) => imagePath);
}

/** What the run puts into its hand-over directory, the manifest last: as long as it is there it says whose the rest is. */
export const handedOverFilesOf = (plan: Plan): readonly HandedOverFile[] => [
  ...imagesOf(plan).flatMap(({ imagePath, format, imageBytes }) =>
    filesOfImage({ path: imagePath, format, sizeBytes: imageBytes }),
  ),
  ...vmFilesOf(plan).map(({ path }) => ({ path, sizeBytes: undefined })),
  ...(plan.spec.verify?.fileHashes ? [{ path: FILES_INDEX_NAME, sizeBytes: undefined }] : []),
  { path: SIGNATURE_NAME, sizeBytes: undefined },
  { path: MANIFEST_NAME, sizeBytes: undefined },
];

export const imagePathsOf = (plan: Plan): readonly string[] => handedOverFilesOf(plan).map(({ path }) => path);
