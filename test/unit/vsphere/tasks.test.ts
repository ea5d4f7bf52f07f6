import { moRef } from '../../../src/ports/identity.ts';
import { createVmSnapshots } from '../../../src/vsphere/vm-snapshots.ts';
import { jumpingClock } from '../powermax/jumping-clock.ts';
import { ok, PASSWORD, startScriptedVcenter } from './scripted-vcenter.ts';
import { answerOf } from './soap-answers.ts';

const TASK = '<returnval type="Task">task-7</returnval>';
const snapshot = { vm: moRef('vm-1'), name: 'x', description: '', quiesce: undefined };

/** What is read of the task, look after look; the last one for ever. */
async function vcenterWhoseTaskIs(states: readonly string[]) {
  let looks = 0;
  const vcenter = await startScriptedVcenter({
    CreateSnapshot_Task: () => ok(answerOf('CreateSnapshot_Task', TASK)),
    RetrievePropertiesEx: () => {
      const state = states[Math.min(looks, states.length - 1)] ?? '';
      looks += 1;
      const objects = `<returnval><objects><obj type="Task">task-7</obj>${state}</objects></returnval>`;
      return ok(answerOf('RetrievePropertiesEx', objects));
    },
  });
  const vmSnapshots = createVmSnapshots({
    url: `https://localhost:${vcenter.port}`,
    username: 'snaphook@vsphere.local',
    password: async () => PASSWORD,
    tls: { ca: vcenter.ca },
    clock: jumpingClock(),
  });
  const close = async () => {
    await vmSnapshots.close();
    await vcenter.close();
  };
  return { vmSnapshots, looks: () => looks, close };
}

const stateIs = (state: string) =>
  `<propSet><name>info.state</name><val xsi:type="TaskInfoState">${state}</val></propSet>`;
const FAILED = `${stateIs('error')}<propSet><name>info.error</name><val xsi:type="LocalizedMethodFault">
<fault xsi:type="FilesystemQuiesceFault"/><localizedMessage>no</localizedMessage></val></propSet>`;

test('a task whose state is not told yet is looked at again, and has not ended', async () => {
  const vcenter = await vcenterWhoseTaskIs(['', stateIs('queued'), '', stateIs('running'), stateIs('success')]);
  try {
    await vcenter.vmSnapshots.create(snapshot, AbortSignal.timeout(10_000));
    expect(vcenter.looks()).toBe(5);
  } finally {
    await vcenter.close();
  }
});

test('one that fails after its state was not told is told as failed', async () => {
  const vcenter = await vcenterWhoseTaskIs(['', FAILED]);
  try {
    const creating = vcenter.vmSnapshots.create(snapshot, AbortSignal.timeout(10_000));
    await expect(creating).rejects.toMatchObject({ code: 'E_FREEZE_FAILED' });
    expect(vcenter.looks()).toBe(2);
  } finally {
    await vcenter.close();
  }
});
