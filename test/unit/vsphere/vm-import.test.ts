import { systemClock } from '../../../src/platform/clock.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import { moRef } from '../../../src/ports/identity.ts';
import type { ImportPlace, NewVm, VmImport } from '../../../src/ports/vm-import.ts';
import { createVmImport } from '../../../src/vsphere/vm-import.ts';
import { failure } from '../../failure.ts';
import { ok, type ScriptedVcenter, startScriptedVcenter } from './scripted-vcenter.ts';
import { answerOf } from './soap-answers.ts';

const signal = new AbortController().signal;

let server: ScriptedVcenter;
let opened: VmImport | undefined;
afterEach(async () => {
  await opened?.close();
  await server.close();
});

function connect({ port, ca }: ScriptedVcenter, clock: Clock): VmImport {
  opened = createVmImport({
    url: `https://localhost:${port}`,
    username: 'snaphook@vsphere.local',
    password: async () => 'secret',
    tls: { ca },
    clock,
  });
  return opened;
}

const propSet = (name: string, val: string) => `<propSet><name>${name}</name>${val}</propSet>`;
const NAME = propSet('name', '<val xsi:type="xsd:string">restored</val>');
const SETTINGS = propSet(
  'config.extraConfig',
  `<val xsi:type="ArrayOfOptionValue"><OptionValue xsi:type="OptionValue"><key>nvram</key>
<value xsi:type="xsd:string">restored.nvram</value></OptionValue></val>`,
);

test.each([
  ['shows no configuration of', NAME, false],
  ['shows the settings of', NAME + SETTINGS, true],
])('a VM that vCenter %s is told apart from one without a mark', async (_what, properties, settingsShown) => {
  const objects = `<returnval><objects><obj type="VirtualMachine">vm-1</obj>${properties}</objects></returnval>`;
  server = await startScriptedVcenter({
    RetrievePropertiesEx: () => ok(answerOf('RetrievePropertiesEx', objects)),
  });

  const vm = await connect(server, systemClock).vm(moRef('vm-1'), signal);
  expect(vm).toMatchObject({ settingsShown, mark: undefined });
});

const PLACE: ImportPlace = {
  host: { moRef: moRef('host-1'), name: 'esx1' },
  pool: moRef('resgroup-1'),
  folder: moRef('group-v1'),
  datastore: { name: 'vvol-ds01', freeBytes: 0 },
};
const VM: NewVm = {
  name: 'restored',
  annotation: '',
  mark: 'l1k2m3n4-abcdef',
  hardware: {
    version: 'vmx-19',
    guestId: undefined,
    firmware: 'bios',
    secureBoot: false,
    tpm: false,
    cpus: 1,
    coresPerSocket: 1,
    memoryMiB: 1024,
    biosUuid: undefined,
    showsSerials: true,
    controllers: [],
    slots: [],
    adapters: [],
  },
  disks: [],
  connectNetwork: false,
  takesPlace: false,
  bringsNvram: false,
};

test('an import that vCenter is never ready for ends after ten minutes, and is aborted', async () => {
  const state = '<propSet><name>state</name><val xsi:type="HttpNfcLeaseState">initializing</val></propSet>';
  const objects = `<returnval><objects><obj type="HttpNfcLease">lease-1</obj>${state}</objects></returnval>`;
  server = await startScriptedVcenter({
    ImportVApp: () => ok(answerOf('ImportVApp', '<returnval type="HttpNfcLease">lease-1</returnval>')),
    RetrievePropertiesEx: () => ok(answerOf('RetrievePropertiesEx', objects)),
    HttpNfcLeaseAbort: () => ok(answerOf('HttpNfcLeaseAbort', '')),
  });
  let nowMs = 0;
  const clock: Clock = {
    now: () => new Date(nowMs),
    monotonicMs: () => nowMs,
    sleep: async (durationMs) => {
      nowMs += Math.max(durationMs, 60_000);
    },
  };

  expect(await failure(connect(server, clock).begin(VM, PLACE, signal))).toMatchObject({
    code: 'E_VCENTER',
    message: expect.stringContaining('not ready'),
  });
  expect(nowMs).toBe(10 * 60_000);
  expect(server.operations()).toContain('HttpNfcLeaseAbort');
});
