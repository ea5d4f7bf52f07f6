import type { ImageFile } from '../ports/images.ts';
import type { VmFile } from './manifest.ts';
import { ovfDescriptor } from './ovf.ts';
import type { PlannedVm } from './plan.ts';
import type { Run } from './step.ts';
import { imagesOfDisk, type PlannedVmFile, vmFilesOf } from './vm-files.ts';

/** Puts the small files of the VMs beside their images, as far as there is something to write. */
export async function writeVmFiles(
  run: Run,
  images: readonly ImageFile[],
  signal: AbortSignal,
): Promise<readonly VmFile[]> {
  const { plan, ports } = run;
  const written: VmFile[] = [];
  for (const file of vmFilesOf(plan)) {
    const content = contentOf(run, file, images);
    if (content === undefined) continue;
    const one = await ports.images.writeBeside(plan.spec.exportDirectory, { path: file.path, content }, signal);
    written.push({ ...file, ...one });
  }
  return written;
}

function contentOf(
  run: Run,
  { vm: instanceUuid, kind }: PlannedVmFile,
  images: readonly ImageFile[],
): Uint8Array | string | undefined {
  if (kind !== 'ovf') return run.configurations?.byVm.get(instanceUuid)?.[kind];
  const vm = run.plan.vms.find((one) => one.instanceUuid === instanceUuid);
  return vm && descriptorOf(run, vm, images);
}

function descriptorOf({ plan }: Run, vm: PlannedVm, images: readonly ImageFile[]): string | undefined {
  if (!vm.hardware) return undefined;
  const byPath = new Map(images.map((image) => [image.path, image]));
  const disks = vm.disks.flatMap((disk) =>
    imagesOfDisk(plan, vm.instanceUuid, disk).flatMap((path) => {
      const image = byPath.get(path);
      return image
        ? [{ key: disk.key, label: disk.label, image, fileName: path.slice(path.lastIndexOf('/') + 1) }]
        : [];
    }),
  );
  return ovfDescriptor(vm.name, vm.hardware, disks);
}
