import { DEFAULT_LIMITS } from '../../../../src/job/job-spec.ts';
import type { JournalRecord, StepName } from '../../../../src/job/journal-records.ts';
import { MANIFEST_NAME, type Plan } from '../../../../src/job/plan.ts';
import {
  type ArrayId,
  type DeviceId,
  deviceId,
  instanceUuid,
  moRef,
  type RunId,
  type Wwn,
  wwn,
} from '../../../../src/ports/identity.ts';
import { jobSpec } from '../job-spec.ts';
import { type RunSeed, SOURCES } from './world-seed.ts';

export const IMAGE_BYTES = 100;
export const PRESENT = 'SG-presented';

export const jobs = [0, 1].map((index) => ({
  name: `job-${index}`,
  targetPool: `SG-pool-${index}`,
  presentGroup: index === 1 ? PRESENT : undefined,
  exportDirectory: `/export/job-${index}`,
  limits: DEFAULT_LIMITS,
}));

/** How far a run came. */
export interface Progress {
  /** Number of steps that were begun. */
  readonly reached: number;
  readonly last: RunSeed['last'];
}

/** Is there the effect of the step of that number? */
export const has = ({ reached, last }: Progress, step: number): boolean =>
  reached > step || (reached === step && last !== 'not-happened');

/** Not ended yet: its effects are there. */
export const isAtTheArray = ({ journal }: RunSeed): boolean => journal === 'open' || journal === 'lost';

export const shellOf = ({ runId }: Plan): string => `shell-${runId}`;

interface PlanParts {
  readonly id: RunId;
  readonly name: string;
  readonly array: ArrayId;
  readonly job: (typeof jobs)[number];
  readonly seed: RunSeed;
  readonly targets: readonly DeviceId[];
  readonly address: string;
  /** The targets were deleted and made anew since: the plan knows other WWNs. */
  readonly isRemade: boolean;
}

export function planOf({ id, name, array, job, seed, targets, address, isRemade }: PlanParts): Plan {
  const keep = { label: undefined, days: 1, rule: 'own' } as const;
  const spec = jobSpec({ ...job, freeze: 'vss-provider', grade: 'application', ...(seed.keeps ? { keep } : {}) });
  const vm = instanceUuid('00000000-0000-0000-0000-000000000001');
  // Of the facts of the array only the id is looked at.
  const facts = { arrayId: array } as Plan['array'];
  const captured = Array.from({ length: seed.disks }, (_, index) => {
    const device = idOf(1, (seed.source + index) % SOURCES);
    return { device, wwn: wwnOf(device), holds: 'disk' } as const;
  });
  return {
    runId: id,
    context: { job: job.name, integration: 'test', instance: undefined, productRunId: undefined, level: undefined },
    spec,
    arrayId: array,
    array: facts,
    snapshotName: name,
    vms: [
      {
        instanceUuid: vm,
        moRef: moRef('vm-1'),
        name: 'sql01',
        address,
        freeze: 'vss-provider',
        role: 'selected',
        selectedBy: ['sql01'],
        changeTracking: false,
        notes: [],
        layout: [],
        disks: [],
      },
    ],
    ...(seed.keeps ? { kept: { devices: captured } } : {}),
    devices: targets.map((target, index): Plan['devices'][number] => {
      return {
        ...must(captured[index]),
        target,
        targetWwn: isRemade ? wwnOf(idOf(9, 0)) : wwnOf(target),
        presentNeeded: seed.job === 1,
        imagePath: `vm/hard-disk-${index + 1}.raw`,
        imageBytes: IMAGE_BYTES,
      };
    }),
    route: { name: 'snapvx', because: 'the job asks for it' },
    managed: undefined,
    collateral: [],
    warnings: [],
  };
}

const STEPS: readonly Exclude<StepName, 'group'>[] = ['guests', 'capture', 'link', 'present', 'devices', 'export'];

export function journalLines(
  seed: RunSeed,
  plan: Plan,
  snapId: number,
  { reached, last }: Progress,
): readonly JournalRecord[] {
  const results: Readonly<Record<(typeof STEPS)[number], unknown>> = {
    guests: { prepared: [] },
    'managed-capture': undefined,
    park: undefined,
    'hot-add': undefined,
    capture: { snapId, lengthMs: 1, arrayMs: 1, freezeMs: 1, thawMs: 1, vms: [] },
    link: { pairs: [] },
    present: { added: [] },
    devices: { devices: [] },
    copy: undefined,
    attach: undefined,
    expose: undefined,
    host: undefined,
    datastore: undefined,
    register: undefined,
    import: undefined,
    replace: undefined,
    files: undefined,
    mount: undefined,
    restore: undefined,
    export: { files: [], manifest: MANIFEST_NAME },
  };
  const records: JournalRecord[] = [{ kind: 'opened', data: { version: 1, context: plan.context } }];
  if (isPlanned({ reached, last })) records.push({ kind: 'planned', data: plan });
  for (const [index, step] of STEPS.slice(0, reached).entries()) {
    const isDone = index + 1 < reached || last === 'done';
    records.push({ kind: 'intent', data: { step } });
    for (const { instanceUuid: vm } of step === 'guests' ? plan.vms : []) {
      records.push({ kind: 'session', data: { vm, resume: { shellId: shellOf(plan) } } });
    }
    if (isDone) records.push({ kind: 'done', data: { step, result: results[step] } });
    if (isDone && step === 'capture') {
      records.push({ kind: 'undoing', data: { step: 'guests' } }, { kind: 'undone', data: { step: 'guests' } });
    }
  }
  if (isHandedOver(seed, { reached, last })) records.push({ kind: 'handed-over', data: { manifest: MANIFEST_NAME } });
  if (isStillKept(seed, { reached, last })) {
    records.push({ kind: 'closed', data: { outcome: 'kept' } });
  } else if (seed.journal === 'closed') {
    for (const step of STEPS.slice(0, reached)) records.push({ kind: 'undone', data: { step } });
    records.push({ kind: 'closed', data: { outcome: 'recovered' } });
  }
  return records;
}

export const isPlanned = ({ reached, last }: Progress): boolean => reached > 0 || last !== 'not-happened';

export const isStillKept = (seed: RunSeed, { reached, last }: Progress): boolean =>
  seed.keeps && seed.journal === 'closed' && seed.handedOver && reached === 2 && last === 'done';

export const isHandedOver = (seed: RunSeed, { reached, last }: Progress): boolean =>
  seed.handedOver && reached === 6 && last === 'done';

export const idOf = (kind: number, index: number): DeviceId =>
  deviceId(`${kind.toString(16)}${index.toString(16).padStart(4, '0')}`);
export const wwnOf = (device: DeviceId): Wwn => wwn(device.toLowerCase().padStart(32, '6'));

export function must<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('the world is not built as it should be');
  return value;
}
