import { installationMark } from '../../../src/platform/installation-mark.ts';

test('a mark is the same for the same installation, run and array, and another for every other', () => {
  const marks = ['proxy01 vcenter', 'proxy02 vcenter'].flatMap((installation) =>
    ['mb3k2j1f-x8q2zk', 'mb3k2j1f-x8q2zl'].flatMap((run) =>
      ['000197900046', '000197900047'].map((array) => installationMark(installation, run, array)),
    ),
  );

  expect(new Set(marks).size).toBe(8);
  for (const mark of marks) expect(mark).toMatch(/^[0-9a-z]{6}$/);
  expect(installationMark('proxy01 vcenter', 'mb3k2j1f-x8q2zk', '000197900046')).toBe(marks[0]);
});
