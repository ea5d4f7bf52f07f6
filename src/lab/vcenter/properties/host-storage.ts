import type { HbaInventory, HostInventory, ScsiLunInventory } from '../inventory.ts';
import { type DataObject, data } from '../wire/vim-values.ts';

const BLOCK_BYTES = 512;

/** ASCII `SYMMET`: the start of the model, as it ends a `vml.` name. */
const VML_MODEL = '53594d4d4554';

export function storageDeviceInfo(host: HostInventory): DataObject {
  return data('HostStorageDeviceInfo', {
    hostBusAdapter: (host.hbas ?? []).map(fibreChannelHba),
    scsiLun: host.scsiLuns.map(scsiDisk),
    softwareInternetScsiEnabled: false,
  });
}

/**
 * `ScsiLun.uuid`: `02` for NAA, `00` for disk, LUN number in four digits with the low byte first, `00`, the 32 digits
 * of the NAA name, the model. A `vml.` name is the same digits.
 */
export function scsiLunUuid(lun: ScsiLunInventory): string {
  if (lun.uuid !== undefined) return lun.uuid;
  const number = lun.lun ?? 0;
  const lowByte = (number & 0xff).toString(16).padStart(2, '0');
  const highByte = (number >> 8).toString(16).padStart(2, '0');
  return `0200${lowByte}${highByte}00${lun.canonicalName.replace(/^(naa|eui)\./, '')}${VML_MODEL}`;
}

function scsiDisk(lun: ScsiLunInventory): DataObject {
  const uuid = scsiLunUuid(lun);
  const vmlName = `vml.${uuid}`;
  return data('HostScsiDisk', {
    deviceName: `/vmfs/devices/disks/${lun.canonicalName}`,
    deviceType: 'disk',
    key: `key-vim.host.ScsiDisk-${uuid}`,
    uuid,
    descriptor: [
      data('ScsiLunDescriptor', { quality: 'highQuality', id: lun.canonicalName }),
      data('ScsiLunDescriptor', { quality: 'lowQuality', id: vmlName }),
    ],
    canonicalName: lun.canonicalName,
    displayName: `EMC Fibre Channel Disk (${lun.canonicalName})`,
    lunType: 'disk',
    vendor: lun.vendor ?? 'EMC     ',
    model: lun.model ?? 'SYMMETRIX       ',
    revision: '5978',
    scsiLevel: 6,
    serialNumber: 'unavailable',
    queueDepth: 64,
    operationalState: lun.operationalState ?? ['ok'],
    capabilities: data('ScsiLunCapabilities', { updateDisplayNameSupported: true }),
    vStorageSupport: 'vStorageSupported',
    protocolEndpoint: lun.protocolEndpoint ?? false,
    capacity: data('HostDiskDimensionsLba', {
      blockSize: BLOCK_BYTES,
      block: Math.floor(lun.capacityBytes / BLOCK_BYTES),
    }),
    devicePath: `/vmfs/devices/disks/${lun.canonicalName}`,
    ssd: true,
    localDisk: false,
    scsiDiskType: 'native512',
  });
}

function fibreChannelHba(hba: HbaInventory, index: number): DataObject {
  return data('HostFibreChannelHba', {
    key: `key-vim.host.FibreChannelHba-${hba.device}`,
    device: hba.device,
    bus: index + 1,
    status: 'online',
    model: 'LPe32000 PCIe Fibre Channel Adapter',
    driver: 'lpfc',
    storageProtocol: 'scsi',
    portWorldWideName: wwnAsLong(hba.portWwn),
    nodeWorldWideName: wwnAsLong(hba.nodeWwn),
    portType: 'fabric',
    speed: 32,
  });
}

/** World wide names travel as signed 64-bit numbers. */
function wwnAsLong(hexDigits: string): bigint {
  return BigInt.asIntN(64, BigInt(`0x${hexDigits.replaceAll(':', '')}`));
}
