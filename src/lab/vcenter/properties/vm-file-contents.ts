import type { ControllerInventory } from '../inventory.ts';
import { diskControllers, isScsi } from '../model/controllers.ts';
import type { VmRecord } from '../model/records.ts';
import { homeDirectory } from '../model/vm-home.ts';
import { nvramNameOf } from '../model/vm-nvram.ts';
import { guestIdOf } from './virtual-machine-config.ts';

const SCSI_NAMES: Readonly<Record<string, string>> = {
  ParaVirtualSCSIController: 'pvscsi',
  VirtualLsiLogicController: 'lsilogic',
  VirtualLsiLogicSASController: 'lsisas1068',
  VirtualBusLogicController: 'buslogic',
};

/** The .vmx: settings in quotes, those an administrator would know it by, and the disks where they hang. */
export function vmxFile(vm: VmRecord): Buffer {
  const { spec } = vm;
  const settings: [string, string | number | undefined][] = [
    ['.encoding', 'UTF-8'],
    ['config.version', 8],
    ['virtualHW.version', (spec.version ?? 'vmx-19').replace('vmx-', '')],
    ['displayName', vm.name],
    [
      'guestOS',
      guestIdOf(vm)
        .replace(/_64Guest$/, '-64')
        .replace(/Guest$/, ''),
    ],
    ['memSize', spec.memoryMb ?? 4096],
    ['numvcpus', spec.cpus ?? 2],
    ['cpuid.coresPerSocket', spec.coresPerSocket ?? 1],
    ['firmware', spec.firmware ?? 'efi'],
    ['uefi.secureBoot.enabled', spec.secureBoot ? 'TRUE' : undefined],
    ['nvram', nvramNameOf(spec)],
    ['uuid.bios', spacedUuid(spec.biosUuid)],
    ['vc.uuid', spacedUuid(spec.instanceUuid)],
    ['disk.EnableUUID', (spec.diskUuidEnabled ?? true) ? 'TRUE' : 'FALSE'],
    ...Object.entries(spec.extraConfig ?? {}).filter(([key]) => key !== 'nvram'),
  ];
  const controllers = diskControllers(spec, spec.disks);
  for (const controller of controllers) {
    settings.push([`${busOf(controller)}.present`, 'TRUE']);
    if (isScsi(controller)) settings.push([`${busOf(controller)}.virtualDev`, SCSI_NAMES[controller.type]]);
  }
  for (const disk of spec.disks) {
    const controller = controllers.find(({ key }) => key === disk.controllerKey);
    const place = `${controller ? busOf(controller) : `ide${disk.controllerKey - 200}`}:${disk.unitNumber}`;
    settings.push([`${place}.present`, 'TRUE'], [`${place}.fileName`, diskFile(vm, disk)]);
  }
  const lines = settings.flatMap(([key, value]) =>
    value === undefined ? [] : [`${key} = "${quoted(String(value))}"`],
  );
  return Buffer.from(`${lines.join('\n')}\n`);
}

/** A file beside the configuration is named without a path. */
function diskFile({ spec }: VmRecord, { backing }: VmRecord['spec']['disks'][number]): string | undefined {
  const file = 'fileName' in backing ? backing.fileName : undefined;
  const home = `${homeDirectory(spec)}/`;
  return file?.startsWith(home) ? file.slice(home.length) : file;
}

function busOf({ key, type }: ControllerInventory): string {
  if (type === 'VirtualNVMEController') return `nvme${key - 31_000}`;
  return type === 'VirtualAHCIController' ? `sata${key - 15_000}` : `scsi${key - 1000}`;
}

/** `56 4d ..-.. ..`: as VMware writes UUIDs. */
function spacedUuid(uuid: string): string {
  const bytes = uuid.replaceAll('-', '').match(/../g) ?? [];
  return `${bytes.slice(0, 8).join(' ')}-${bytes.slice(8).join(' ')}`;
}

const quoted = (value: string): string =>
  value.replace(/[|"\n]/g, (one) => `|${one.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`);
