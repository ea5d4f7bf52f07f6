import { systemClock } from '../../../src/platform/clock.ts';
import { moRef } from '../../../src/ports/identity.ts';
import { createVmImport } from '../../../src/vsphere/vm-import.ts';
import { ok, startScriptedVcenter } from './scripted-vcenter.ts';
import { answerOf } from './soap-answers.ts';

const signal = new AbortController().signal;

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
  const server = await startScriptedVcenter({
    RetrievePropertiesEx: () => ok(answerOf('RetrievePropertiesEx', objects)),
  });
  const vmImport = createVmImport({
    url: `https://localhost:${server.port}`,
    username: 'snaphook@vsphere.local',
    password: async () => 'secret',
    tls: { ca: server.ca },
    clock: systemClock,
  });
  try {
    expect(await vmImport.vm(moRef('vm-1'), signal)).toMatchObject({ settingsShown, mark: undefined });
  } finally {
    await vmImport.close();
    await server.close();
  }
});
