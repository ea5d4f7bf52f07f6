import type { LabAnswer } from '../../../src/lab/world/http-server.ts';
import { moRef } from '../../../src/ports/identity.ts';
import { createVmSnapshots } from '../../../src/vsphere/vm-snapshots.ts';
import { jumpingClock } from '../powermax/jumping-clock.ts';
import { ok, PASSWORD, startScriptedVcenter } from './scripted-vcenter.ts';
import { answerOf } from './soap-answers.ts';

const CAPACITY = 1_000_000;
const DISK = {
  vm: moRef('vm-1'),
  snapshot: moRef('snapshot-2'),
  key: 2000,
  capacityBytes: CAPACITY,
  changeId: '52 de <&>/7',
};

type Area = readonly [start: number | string, length: number | string];

const part = (start: number | string, length: number | string, areas: readonly Area[] = []): string =>
  `<returnval><startOffset>${start}</startOffset><length>${length}</length>${areas
    .map(([from, bytes]) => `<changedArea><start>${from}</start><length>${bytes}</length></changedArea>`)
    .join('')}</returnval>`;

/** What the client makes of these answers, and what it asked. */
async function changedAreas(answers: readonly (string | LabAnswer)[]) {
  const vcenter = await startScriptedVcenter({
    QueryChangedDiskAreas: (_request, nth) => {
      const answer = answers[nth - 1] ?? { status: 400 };
      return typeof answer === 'string' ? ok(answerOf('QueryChangedDiskAreas', answer)) : answer;
    },
  });
  const vmSnapshots = createVmSnapshots({
    url: `https://localhost:${vcenter.port}`,
    username: 'snaphook@vsphere.local',
    password: async () => PASSWORD,
    tls: { ca: vcenter.ca },
    clock: jumpingClock(),
  });
  try {
    const areas = await vmSnapshots.changedAreas(DISK, AbortSignal.timeout(10_000));
    const asked = vcenter.requests
      .filter(({ operation }) => operation === 'QueryChangedDiskAreas')
      .map(({ request }) => request.body.toString('utf8'));
    return { areas, asked };
  } finally {
    await vmSnapshots.close();
    await vcenter.close();
  }
}

test('the map is asked for until it covers the disk, and its areas come ascending and apart', async () => {
  const { areas, asked } = await changedAreas([
    part(0, 600_000, [
      [300_000, 100],
      [0, 100],
      [100, 50],
      [120, 10],
    ]),
    part(600_000, 300_000),
    part(900_000, 100_000, [[999_999, 1]]),
  ]);

  expect(areas).toEqual([
    { startBytes: 0, lengthBytes: 150 },
    { startBytes: 300_000, lengthBytes: 100 },
    { startBytes: 999_999, lengthBytes: 1 },
  ]);
  expect(asked.map((body) => /startOffset>(\d+)</.exec(body)?.[1])).toEqual(['0', '600000', '900000']);
  expect(asked[0]).toMatch(
    /snapshot type="VirtualMachineSnapshot">snapshot-2<.*deviceKey>2000<.*startOffset>0<.*changeId>52 de &lt;&amp;(>|&gt;)\/7</,
  );
});

test.each<[string, readonly string[]]>([
  ['begins elsewhere', [part(512, CAPACITY - 512)]],
  ['covers nothing', [part(0, 0)]],
  ['reaches beyond the disk', [part(0, CAPACITY + 1)]],
  ['goes back', [part(0, 1000), part(0, CAPACITY)]],
  ['is empty', ['']],
  ['has no length', ['<returnval><startOffset>0</startOffset></returnval>']],
  ['has a word for a number', [part(0, 'all')]],
  ['has an area before it', [part(0, 1000), part(1000, CAPACITY - 1000, [[999, 2]])]],
  ['has an area that ends behind it', [part(0, 1000, [[999, 2]]), part(1000, CAPACITY - 1000)]],
  ['has an area without length', [part(0, CAPACITY, [[0, 0]])]],
  ['has an area of negative length', [part(0, CAPACITY, [[100, -50]])]],
  ['has an area that is no number', [part(0, CAPACITY, [['x', 1]])]],
  ['has a number that cannot be held exactly', [part(0, CAPACITY, [['9007199254740993', 1]])]],
])('an answer that %s is no map', async (_what, answers) => {
  await expect(changedAreas(answers)).rejects.toMatchObject({ code: 'E_VCENTER' });
});
