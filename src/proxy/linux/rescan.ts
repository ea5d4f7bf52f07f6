import { readdir, writeFile } from 'node:fs/promises';

const SCSI_HOSTS = '/sys/class/scsi_host';

/**
 * Asks every SCSI host to look for new LUNs: Linux does not find a newly mapped one by itself.
 * Without the rights, or without SCSI hosts, the devices have to appear by other means and the wait tells when they do not.
 */
export async function rescanScsiHosts(): Promise<void> {
  const hosts = await readdir(SCSI_HOSTS).catch(() => []);
  for (const host of hosts) await writeFile(`${SCSI_HOSTS}/${host}/scan`, '- - -').catch(() => undefined);
}
