import { runMatrix } from '../../faults/matrix.ts';
import type { CaseResult, Outcome } from '../../faults/run-case.ts';
import { nameOfStep } from '../../faults/run-step.ts';

/** One case of each kind; `npm run test:faults` runs all of them. The states are those of docs/run-states.md. */
const SAMPLE: Readonly<Record<string, Outcome>> = {
  'pre vcenter Login #1, refused': 'failed, nothing left',
  'pre vcenter RetrievePropertiesEx #1, session ended': 'ready',
  'pre array GET v1/volumes #1, unreachable': 'failed, nothing left',
  'pre guest Command #1, dropped after the effect': 'failed, nothing left',
  'pre array POST private/snapshot #1, refused': 'failed, nothing left',
  'pre array POST private/snapshot #1, dropped after the effect': 'ready',
  'pre array POST private/snapshot #1, timeout after the effect': 'ready',
  'pre array PUT private/snapshot Link #1, 503 after the effect': 'ready',
  'pre array PUT storagegroup #1, refused for good': 'left, and told',
  'pre guest Delete #1, dropped before the effect': 'ready',
  'pre disk export write #2, disk full': 'failed, nothing left',
  'post array PUT private/snapshot Unlink #1, dropped after the effect': 'ready',
  'post array DELETE private/snapshot #1, credentials refused': 'left, and told',
  'post disk journal write #11, disk full for good': 'left, and told',
  'pre array PUT private/snapshot Link #1, machine gone': 'killed',
};

let results: ReadonlyMap<string, CaseResult>;
beforeAll(async () => {
  const ran = await runMatrix({
    area: 'windows job',
    choose: (cases) => cases.filter(({ step, fault }) => `${nameOfStep(step)}, ${fault}` in SAMPLE),
    sites: 3,
    deadlineMs: 60_000,
  });
  results = new Map(ran.map((result) => [`${nameOfStep(result)}, ${result.fault}`, result]));
}, 120_000);

test.each(Object.entries(SAMPLE))('%s: %s, and no promise is broken', (name, outcome) => {
  expect(results.get(name)).toMatchObject({ outcome, problems: [] });
});
