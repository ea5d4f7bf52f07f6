import type { RestorePlan } from '../../job/restoration.ts';
import { bytesText, lineOf, table } from './text.ts';

/** What a restore would make, or has made, for machines. */
export const restorePlanDocument = (plan: RestorePlan, now: Date) => ({
  name: plan.vm.name,
  of: plan.of,
  backup: { ...plan.backup, ageSeconds: Math.floor(ageMsOf(plan, now) / 1000) },
  host: plan.place.host.name,
  datastore: plan.place.datastore.name,
  replaces: plan.replaces,
  into: plan.into,
  disks: plan.disks.map(({ label, image }) => ({
    label,
    image: image.path,
    format: image.format,
    sizeBytes: image.sizeBytes,
    dataBytes: image.dataBytes,
    contentHash: image.contentHash,
  })),
  nvram: plan.nvram,
  connectNetwork: plan.vm.connectNetwork,
  warnings: plan.warnings,
});

/** The same for people. */
export function restorePlanText(plan: RestorePlan, now: Date): string {
  const { of, backup, place, disks, nvram, warnings } = plan;
  return [
    lineOf(`${whatIsMade(plan)}, on ESXi host ${place.host.name}, datastore ${place.datastore.name}`),
    lineOf(
      `from the backup of "${of.name}" of ${backup.takenAt}, ${ageText(ageMsOf(plan, now))} ago, grade ${of.grade}, snapshot ${backup.snapshot}`,
    ),
    plan.into ? '' : lineOf(hardwareText(plan)),
    table([
      ['what', 'from', 'size', 'data', 'hash'],
      ...disks.map(({ label, image }) => [
        label,
        `${image.path} (${image.format})`,
        bytesText(image.sizeBytes),
        bytesText(image.dataBytes),
        shortHash(image.contentHash.value),
      ]),
      ...(nvram ? [['nvram', nvram.path, bytesText(nvram.sizeBytes), '', shortHash(nvram.blake2b)]] : []),
    ]),
    ...warnings.map((warning) => lineOf(`warning: ${warning}`)),
  ].join('');
}

function whatIsMade({ vm, into, replaces, disks }: RestorePlan): string {
  if (into) return `${disks.length} disk(s) for VM "${into.name}" (${into.moRef})`;
  return `VM "${vm.name}"${replaces ? ` in place of ${replaces.moRef}` : ''}`;
}

function hardwareText({ vm: { hardware, connectNetwork } }: RestorePlan): string {
  const firmware = `${hardware.firmware}${hardware.secureBoot ? ' with secure boot' : ''}`;
  const connected = connectNetwork ? 'connected' : 'not connected';
  return `${hardware.cpus} CPU(s), ${hardware.memoryMiB} MiB, ${firmware}, ${hardware.adapters.length} network adapter(s), ${connected} at power-on`;
}

/** Enough to compare with the manifest by eye. */
const shortHash = (hex: string): string => `${hex.slice(0, 16)}…`;

/** Clocks differ: a backup is never of the future. */
const ageMsOf = ({ backup }: RestorePlan, now: Date): number =>
  Math.max(0, now.getTime() - new Date(backup.takenAt).getTime());

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** In the two largest units that matter. */
export function ageText(ageMs: number): string {
  const [days, hours, minutes] = [
    Math.floor(ageMs / DAY_MS),
    Math.floor((ageMs % DAY_MS) / HOUR_MS),
    Math.floor((ageMs % HOUR_MS) / MINUTE_MS),
  ];
  if (days > 0) return `${days} d ${hours} h`;
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min`;
}
