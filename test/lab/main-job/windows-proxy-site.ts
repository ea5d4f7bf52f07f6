import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { type PowerShellProgram, startPowerShellProgram } from '../../../src/lab/proxy/windows/powershell-program.ts';
import { WindowsMachine } from '../../../src/lab/proxy/windows/windows-machine.ts';
import { openSite, type Site } from './site.ts';

/** The file of the lab's only disk. */
export const DEVICE = '00101';
const SECTOR_BYTES = 512;
/** On the disk, after `putNtfs`. */
export const VOLUME = { offsetBytes: 1024 * 1024, sizeBytes: 8 * 1024 * 1024 } as const;

export interface WindowsProxySite {
  readonly site: Site;
  readonly machine: WindowsMachine;
  readonly program: PowerShellProgram;
  /** Changes the configuration; the path of another PowerShell may be given so. */
  configure(change: (config: ReturnType<typeof parse>) => void): void;
  close(): Promise<void>;
}

/** A site with one disk, whose proxy is a Windows. */
export async function openWindowsProxySite(): Promise<WindowsProxySite> {
  const site = await openSite({ estate: { disks: 1 } });
  const machine = windowsMachineOf(site);
  const program = await startPowerShellProgram(machine);
  const configure: WindowsProxySite['configure'] = (change) => {
    const config = parse(readFileSync(site.lab.configFile, 'utf8'));
    change(config);
    writeFileSync(site.lab.configFile, stringify(config));
  };
  configure((config) => {
    config.proxy.powershell = program.file;
  });
  const close = async () => {
    await program.close();
    await site.close();
  };
  return { site, machine, program, configure, close };
}

/** Another Windows with the devices of the same proxy. */
export const windowsMachineOf = (
  site: Site,
  options?: ConstructorParameters<typeof WindowsMachine>[1],
): WindowsMachine => new WindowsMachine(path.join(site.lab.directory, 'proxy', 'by-id'), options);

/** A disk as Windows would have made it: nothing mounts it here, so that its boot sector is all there is of the file system. */
export function putNtfs(site: Site): void {
  const device = site.lab.store.open(DEVICE);
  const table = Buffer.alloc(SECTOR_BYTES);
  table.writeUInt32LE(0x51a0b0c0, 440);
  table[450] = 7;
  table.writeUInt32LE(VOLUME.offsetBytes / SECTOR_BYTES, 454);
  table.writeUInt32LE(VOLUME.sizeBytes / SECTOR_BYTES, 458);
  table.writeUInt16LE(0xaa55, 510);
  device.write(0, table);
  device.write(VOLUME.offsetBytes, Buffer.alloc(VOLUME.sizeBytes));
  device.write(VOLUME.offsetBytes + 3, Buffer.from('NTFS    ', 'latin1'));
}
