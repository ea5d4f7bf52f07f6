import { type Arguments, type Cmdlet, CmdletError, type Row, text } from './cmdlet.ts';
import { linkToShadow } from './directory-links.ts';
import type { Argument, Column, Pipeline } from './pipeline.ts';
import { SHADOW_CMDLETS } from './shadow-cmdlets.ts';
import { StorageError } from './storage-error.ts';
import type { LabDisk, LabVolume, WindowsMachine } from './windows-machine.ts';

const PARTITION = ['diskid', 'offset', 'accesspath'];

const CMDLETS: Readonly<Record<string, Cmdlet>> = {
  'Update-HostStorageCache': { sets: [[]], run: (machine) => void machine.rescan() },
  'Get-Disk': { sets: [[]], run: (machine) => [SYSTEM_DISK, ...machine.disks.map(diskRow)] },
  'Set-Disk': {
    sets: [
      ['uniqueid', 'isreadonly'],
      ['uniqueid', 'isoffline'],
    ],
    run(machine, given) {
      const disk = diskOf(machine, text(given, 'uniqueid'));
      const isReadOnly = given.get('isreadonly');
      if (isReadOnly !== undefined) disk.isReadOnly = asBoolean('Set-Disk', isReadOnly);
      const isOffline = given.get('isoffline');
      if (isOffline !== undefined) machine.setOffline(disk, asBoolean('Set-Disk', isOffline));
    },
  },
  'Update-Disk': {
    sets: [['uniqueid']],
    run: (machine, given) => void machine.refresh(diskOf(machine, text(given, 'uniqueid'))),
  },
  'Get-Partition': {
    sets: [[]],
    run: (machine) => machine.disks.filter(({ isOffline }) => !isOffline).flatMap(partitionRows),
  },
  'Get-Volume': {
    sets: [[]],
    run: (machine) =>
      machine.disks.flatMap(({ volumes }) =>
        volumes.map(({ path: Path, partition: { fileSystem } }) => ({
          Path,
          FileSystem: fileSystem === '' ? 'RAW' : fileSystem,
          FileSystemLabel: '',
        })),
      ),
  },
  'Add-PartitionAccessPath': {
    sets: [PARTITION],
    run: (machine, given) => void machine.addAccessPath(volumeOf(machine, given).volume, text(given, 'accesspath')),
  },
  'Remove-PartitionAccessPath': {
    sets: [PARTITION],
    run(machine, given) {
      const { disk, volume } = volumeOf(machine, given);
      machine.removeAccessPath(disk, volume, text(given, 'accesspath'));
    },
  },
  'Write-VolumeCache': {
    sets: [['path']],
    run(machine, given) {
      const isThere = machine.disks.some(({ volumes }) => volumes.some(({ path }) => path === given.get('path')));
      if (!isThere) throw notFound('Path', 'Write-VolumeCache');
    },
  },
  ...SHADOW_CMDLETS,
  'Get-StorageSetting': { sets: [[]], run: ({ policy }) => [{ NewDiskPolicy: policy }] },
};

/** The rows as they would be turned into JSON. Errors: `CmdletError`. */
export function runPipeline(machine: WindowsMachine, pipeline: Pipeline): readonly unknown[] {
  if (pipeline.kind === 'is-elevated') return [machine.isElevated ? 'True' : 'False'];
  if (pipeline.kind === 'link') {
    linkToShadow(machine, pipeline);
    return [];
  }
  const { name, parameters, columns, first } = pipeline;
  const cmdlet = CMDLETS[name];
  if (!cmdlet) throw new CmdletError('CommandNotFoundException', `the term '${name}' is not recognized`);
  requireSet(name, cmdlet, parameters);
  // Reads are everybody's, as far as the provider shows anything to those who are no administrators.
  if (!machine.isElevated && !name.startsWith('Get-')) {
    throw new CmdletError(`StorageWMI 40001,${name}`, 'Access denied');
  }
  try {
    const rows = (cmdlet.run(machine, parameters) ?? []).slice(0, first);
    return columns === undefined ? rows : rows.map((row) => select(row, columns));
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    throw new CmdletError(`StorageWMI ${error.code},${name}`, error.message);
  }
}

function requireSet(name: string, { sets }: Cmdlet, given: Arguments): void {
  for (const parameter of given.keys()) {
    if (sets.some((set) => set.includes(parameter))) continue;
    throw new CmdletError(`NamedParameterNotFound,${name}`, `a parameter cannot be found that matches '${parameter}'`);
  }
  const fits = sets.some((set) => set.length === given.size && set.every((parameter) => given.has(parameter)));
  if (!fits) throw new CmdletError(`AmbiguousParameterSet,${name}`, 'parameter set cannot be resolved');
}

function asBoolean(name: string, value: Argument): boolean {
  if (typeof value === 'boolean') return value;
  throw new CmdletError(`ParameterArgumentTransformationError,${name}`, `cannot convert "${value}" to a Boolean`);
}

const notFound = (by: string, name: string) =>
  new CmdletError(`CmdletizationQuery_NotFound_${by},${name}`, 'no object found that matches');

function diskOf({ disks }: WindowsMachine, uniqueId: string): LabDisk {
  const disk = disks.find(({ wwn }) => wwn.toUpperCase() === uniqueId.toUpperCase());
  if (disk) return disk;
  throw notFound('UniqueId', 'Set-Disk');
}

function volumeOf({ disks }: WindowsMachine, given: Arguments): { readonly disk: LabDisk; readonly volume: LabVolume } {
  for (const disk of disks) {
    const volume = disk.volumes.find(({ partition }) => partition.offsetBytes === given.get('offset'));
    if (volume && disk.path === given.get('diskid')) return { disk, volume };
  }
  throw notFound('DiskId', 'Get-Partition');
}

const SYSTEM_DISK: Row = {
  Number: 0,
  UniqueId: 'VMware Virtual disk 6000c29b5a13ce',
  UniqueIdFormat: 0,
  Path: '\\\\?\\scsi#disk&ven_vmware&prod_virtual_disk#5&1ec51bf7&0&000000#{53f56307-b6bf-11d0-94f2-00a0c91efb8b}',
  Size: 64 * 1024 ** 3,
  IsOffline: false,
  OfflineReason: undefined,
  IsReadOnly: false,
};

const diskRow = (disk: LabDisk): Row => ({
  Number: disk.number,
  // In upper case, as many drivers write it.
  UniqueId: disk.wwn.toUpperCase(),
  UniqueIdFormat: 3,
  Path: disk.path,
  Size: disk.sizeBytes,
  IsOffline: disk.isOffline,
  OfflineReason: disk.isOffline ? disk.offlineReason : undefined,
  IsReadOnly: disk.isReadOnly,
});

const partitionRows = (disk: LabDisk): readonly Row[] =>
  disk.layout.partitions.map((partition) => ({
    DiskId: disk.path,
    DiskNumber: disk.number,
    PartitionNumber: partition.number,
    Offset: partition.offsetBytes,
    Size: partition.sizeBytes,
    GptType: partition.gptType,
    MbrType: partition.mbrType,
    Guid: partition.guid,
    AccessPaths: disk.volumes.find((volume) => volume.partition.offsetBytes === partition.offsetBytes)?.accessPaths,
  }));

/** As the calculated properties ask for it: text, `True` and `False`, and nothing for no value. */
function select(row: Row, columns: readonly Column[]): Readonly<Record<string, string>> {
  const cell = ({ form, property }: Column): string => {
    const value = row[property];
    if (value === undefined) return '';
    if (typeof value === 'object') return value.join(form === 'joined' ? '|' : ' ');
    return typeof value === 'boolean' ? (value ? 'True' : 'False') : String(value);
  };
  return Object.fromEntries(columns.map((column) => [column.name, cell(column)]));
}
