import { readdir, writeFile } from 'node:fs/promises';

const SCSI_HOSTS = '/sys/class/scsi_host';
const NVME_CONTROLLERS = '/sys/class/nvme';

/**
 * Asks every SCSI host to look for new LUNs: Linux does not find a newly mapped one by itself. An NVMe controller tells of new
 * namespaces by itself, unless that event was lost: asked too. Without the rights, or without hosts and controllers, the devices
 * have to appear by other means and the wait tells when they do not.
 */
export async function rescan(): Promise<void> {
  await ask(SCSI_HOSTS, 'scan', '- - -');
  await ask(NVME_CONTROLLERS, 'rescan_controller', '1');
}

async function ask(folder: string, file: string, command: string): Promise<void> {
  for (const entry of await readdir(folder).catch(() => [])) {
    await writeFile(`${folder}/${entry}/${file}`, command).catch(() => undefined);
  }
}
