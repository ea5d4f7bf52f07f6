import type { JobContext } from '../../../../src/job/job-spec.ts';
import { RunJournal } from '../../../../src/job/journal.ts';
import type { StepName } from '../../../../src/job/journal-records.ts';
import type { Plan } from '../../../../src/job/plan.ts';
import type { JobPorts } from '../../../../src/job/ports.ts';
import type { Run } from '../../../../src/job/step.ts';
import { systemClock } from '../../../../src/platform/clock.ts';
import { arrayId, type DeviceId, deviceId, instanceUuid, wwn } from '../../../../src/ports/identity.ts';
import type { Images } from '../../../../src/ports/images.ts';
import type { JournalLine } from '../../../../src/ports/journal.ts';
import { jobSpec } from '../job-spec.ts';
import { MemoryArray } from './memory-array.ts';
import { MemorySite } from './memory-site.ts';

export const SNAPSHOT = 'snaphook-mb3k2j1f-x8q2zk-aaaaaa';
export const VM = instanceUuid('00000000-0000-0000-0000-000000000001');
export const TARGET = deviceId('00501');
export const DEVICE_PATH = '/dev/dm-3';
export const IMAGE = 'vm/hard-disk-1.raw';
export const IMAGE_BYTES = 512;
const SOURCE = deviceId('00101');
const TARGET_WWN = wwn('60000970000197900046533030353031');

interface LinkedDevice {
  readonly device: DeviceId;
  readonly target: DeviceId;
  readonly imagePath: string;
}

interface Wish {
  readonly spec: Parameters<typeof jobSpec>[0];
  /** What the capture says of the VM. */
  readonly captured?: { readonly grade: string; readonly evidence?: unknown };
  /** Beside the VM's one disk; the first of them is its second disk. */
  readonly more?: readonly LinkedDevice[];
  readonly portsOf: (site: MemorySite) => Partial<JobPorts>;
}

/** A run whose disks are linked and seen, as its journal tells: what hands them over comes next. */
export async function linkedBase({ spec, captured = { grade: 'crash' }, more = [], portsOf }: Wish) {
  const array = new MemoryArray(arrayId('000197900046'));
  array.devices.set(TARGET, { wwn: TARGET_WWN, groups: new Set(['pool']) });
  const pairs = [{ device: SOURCE, target: TARGET }, ...more];
  for (const { device, target } of pairs)
    array.snapshots.push({ name: SNAPSHOT, snapId: 7, source: device, createdAtMs: 0, targets: new Set([target]) });
  // What the steps and their undo read of a plan.
  const plan = {
    runId: 'mb3k2j1f-x8q2zk',
    context: {},
    snapshotName: SNAPSHOT,
    arrayId: array.id,
    array: {},
    spec: jobSpec({ exportDirectory: '/export', ...spec }),
    vms: [
      {
        name: 'vm',
        instanceUuid: VM,
        disks: pairs.slice(0, 2).map(({ device }, index) => ({
          key: 2000 + index,
          label: `Hard disk ${index + 1}`,
          devices: [device],
        })),
      },
    ],
    devices: [
      {
        device: SOURCE,
        target: TARGET,
        targetWwn: TARGET_WWN,
        holds: 'disk',
        imagePath: IMAGE,
        imageBytes: IMAGE_BYTES,
      },
      ...more,
    ],
    collateral: [],
    warnings: [],
  } as unknown as Plan;
  const site = new MemorySite(
    [array],
    { jobs: [] } as unknown as ConstructorParameters<typeof MemorySite>[1],
    new Date(0),
  );
  const ports = { ...site.ports, clock: systemClock, ...portsOf(site) };
  const lines: JournalLine[] = [];
  const append = async (line: JournalLine) => void lines.push(line);
  const journal = await RunJournal.load({ runId: plan.runId, append, read: async () => lines }, systemClock);
  await journal.opened({} as JobContext); // who called is only kept
  await journal.append({ kind: 'planned', data: plan });
  const results: Partial<Record<StepName, unknown>> = {
    capture: { snapId: 7, vms: [{ vm: VM, ...captured }] },
    devices: {
      devices: [
        { target: TARGET, path: DEVICE_PATH },
        ...more.map(({ target }) => ({ target, path: `/dev/${target}` })),
      ],
    },
  };
  for (const step of ['capture', 'link', 'devices'] as const) {
    await journal.append({ kind: 'intent', data: { step } });
    await journal.append({ kind: 'done', data: { step, result: results[step] } });
  }
  const run: Run = { plan, ports, array, journal, openGuests: new Map() };
  return { run, array, site };
}

/** Small files are kept with the site. */
export const recordsOf =
  (site: MemorySite): Images['writeRecord'] =>
  async (directory, { name, text }) => {
    site.files.set(`${directory}/${name}`, { sizeBytes: text.length, bornAtMs: 0, text });
  };
