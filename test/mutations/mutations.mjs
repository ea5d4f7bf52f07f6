/**
 * What the safety of the product hangs on, each taken away in turn: `find` stands once in `file` and is replaced. The suite
 * named by `tests` (arguments of jest) has to fail then, by a failing test, and to pass without the change.
 */
export const MUTATIONS = [
  {
    name: 'no thaw after the establish',
    file: 'src/job/freeze-window.ts',
    find: '    thaws = await thawAll(run, guests);',
    replace: '',
    tests: ['test/unit/job/freeze-window.test.ts'],
  },
  {
    name: 'no look at what happened before a step is repeated',
    file: 'src/job/step.ts',
    find: '  const probed = await step.probe(run, signal);',
    replace: "  const probed = { found: 'not-done' } as const;",
    tests: ['test/unit/job/step.test.ts'],
  },
  {
    name: 'no settling before an unanswered effect is undone',
    file: 'src/job/undo.ts',
    find: "      if (step.settles && state.at === 'intended') await settle(run, state.since, signal);\n",
    replace: '',
    tests: ['test/lab/main-job/unknown-outcomes.test.ts', '-t', 'takes effect after the run was called off'],
  },
  {
    name: 'an expired lease is taken for a release',
    file: 'src/job/grade.ts',
    find: "  if (verdict.kind === 'expired') return ['the guest released its writes by itself before we did'];\n",
    replace: '',
    tests: ['test/unit/job/grade.test.ts'],
  },
];
