import type { JobSpec } from '../../../src/job/job-spec.ts';
import type { Run } from '../../../src/job/step.ts';
import { noteChangedConfigurations, readConfigurations } from '../../../src/job/vm-configurations.ts';
import { SnaphookError } from '../../../src/ports/errors.ts';
import type { VmConfiguration, VmRecord } from '../../../src/ports/hypervisor.ts';
import { failure } from '../../failure.ts';
import { jobSpec } from './job-spec.ts';
import { ManualClock } from './manual-clock.ts';

const never = new AbortController().signal;
const denied = new SnaphookError('E_VCENTER_RIGHTS', 'no right to read it', { hint: 'give it' });
const read: VmConfiguration = { changeVersion: '1', vmx: Buffer.from('vmx'), nvram: undefined };

/** A run of two VMs; vCenter answers so. */
function runWith(
  configurationFiles: JobSpec['configurationFiles'],
  answer: (signal: AbortSignal) => Promise<readonly (VmConfiguration | SnaphookError)[]>,
  { vms = 2, endsAtMs }: { readonly vms?: number; readonly endsAtMs?: number } = {},
) {
  const warnings: string[] = [];
  const clock = new ManualClock();
  const calls: (readonly string[])[] = [];
  const run = {
    plan: {
      spec: jobSpec(configurationFiles && { configurationFiles }),
      vms: Array.from({ length: vms }, (_, index) => index + 1).map((nth) => ({
        name: `vm${nth}`,
        moRef: `vm-${nth}`,
        instanceUuid: `uuid-${nth}`,
      })),
    },
    ports: {
      clock,
      hypervisor: {
        readConfigurations: (vms: readonly string[], signal: AbortSignal) => {
          calls.push(vms);
          return answer(signal);
        },
      },
      reporter: { warn: (message: string) => void warnings.push(message) },
    },
    endsAtMs,
  } as unknown as Run; // as far as it is looked at
  return { run, warnings, clock, calls };
}

test('without being asked for, nothing is read', async () => {
  const { run, calls } = runWith(undefined, async () => []);
  await readConfigurations(run, never);
  expect([calls, run.configurations]).toEqual([[], undefined]);
});

test('note: what cannot be read is told with its VM and the reason, and the rest is kept', async () => {
  const { run, warnings, calls } = runWith('note', async () => [denied, read]);
  await readConfigurations(run, never);
  expect(calls).toEqual([['vm-1', 'vm-2']]);
  expect([...(run.configurations?.byVm ?? [])]).toEqual([['uuid-2', read]]);
  expect(warnings).toEqual([expect.stringMatching(/"vm1".*no right to read it/)]);
  expect(run.configurations?.warnings).toEqual(warnings);
});

test('require: what cannot be read ends the run with the code and the hint of its cause', async () => {
  const { run } = runWith('require', async () => [read, denied]);
  expect(await failure(readConfigurations(run, never))).toMatchObject({
    code: 'E_VCENTER_RIGHTS',
    message: expect.stringContaining('"vm2"'),
    hint: 'give it',
    effect: 'none',
  });
});

const silence = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

test('a vCenter that does not answer is waited for a time, and the backup goes on without the files', async () => {
  const { run, warnings, clock } = runWith('note', silence);
  const reading = readConfigurations(run, never);
  await clock.advance(30_500);
  await reading;
  expect(warnings).toEqual([expect.stringContaining('"vm1"'), expect.stringContaining('"vm2"')]);
});

test.each([
  ['require', 280_000],
  ['note', 57_500],
] as const)('%s: a thousand VMs get %i ms in a run of 230 s', async (wish, limitMs) => {
  const { run, clock } = runWith(wish, silence, { vms: 1_000, endsAtMs: 230_000 });
  let isOver = false;
  const reading = readConfigurations(run, never)
    .catch(() => undefined)
    .finally(() => {
      isOver = true;
    });
  await clock.advance(limitMs - 1);
  expect(isOver).toBe(false);
  await clock.advance(1);
  await reading;
});

test('a run that is called off does not take that for files that cannot be read', async () => {
  const stop = new AbortController();
  const { run } = runWith('note', async () => {
    stop.abort(new SnaphookError('E_DEADLINE', 'stopped'));
    throw denied;
  });
  expect(await failure(readConfigurations(run, stop.signal))).toMatchObject({ code: 'E_DEADLINE' });
});

test('a configuration that was changed after it was read is told once', async () => {
  const { run, warnings } = runWith('note', async () => [read, read]);
  await readConfigurations(run, never);
  const look = (changeVersion: string | undefined) =>
    [1, 2].map((nth) => ({
      instanceUuid: `uuid-${nth}`,
      changeVersion: nth === 1 ? changeVersion : '1',
    })) as unknown as VmRecord[]; // as far as it is looked at
  noteChangedConfigurations(run, look('1'));
  noteChangedConfigurations(run, look(undefined));
  expect(warnings).toEqual([]);
  noteChangedConfigurations(run, look('2'));
  noteChangedConfigurations(run, look('3'));
  expect(warnings).toEqual([expect.stringMatching(/"vm1" was changed/)]);
  expect(run.configurations?.warnings).toEqual(warnings);
});
