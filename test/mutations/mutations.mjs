/**
 * What the safety of the product hangs on, each taken away in turn: `find` stands once in `file` and is replaced. The suite
 * named by `tests` (arguments of jest) or `freezeTests` (a path of the stage `test:freeze`) has to fail then, by a failing test,
 * and to pass without the change.
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
    find: "      if (step.settles && state.at === 'intended') await settle(run, signal);\n",
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
  {
    name: 'no watchdog beside the process that holds the freeze',
    file: 'guest/linux/watchdog.c',
    find: '    watch(session, signals);',
    replace: '    (void)watch;',
    freezeTests: 'test/freeze/verdict',
  },
  {
    name: 'the end of a Windows helper is taken for a thaw',
    file: 'src/guest/windows/thaw.ts',
    find: '  if (leftMs > 0) await clock.sleep(leftMs, signal);',
    replace: '  void leftMs;',
    tests: ['test/unit/guest/windows/helper-conversation.test.ts', 'test/unit/guest/windows/windows-guest.test.ts'],
  },
  {
    name: 'the client chooses the programs that run as root',
    file: 'guest/linux/keeper.c',
    find: 'if (!no_scripts && !may_hold_scripts(session.scripts.directory, options.scripts))',
    replace: 'if (!no_scripts && !may_hold_scripts(session.scripts.directory, session.scripts.directory))',
    freezeTests: 'test/freeze/scripts',
  },
  {
    name: "somebody else's freeze is thawed with our own",
    file: 'guest/linux/freezer.c',
    find: 'atomic_store(&shared->fs_state[index], FS_REFUSED);',
    replace: 'atomic_store(&shared->fs_state[index], FS_FROZEN);',
    freezeTests: 'test/freeze/special',
  },
  {
    name: 'the record outlives the thaw of the last one alive',
    file: 'guest/linux/thawer.c',
    find: '    remove_record(session->token);',
    replace: '',
    freezeTests: 'test/freeze/release',
  },
  {
    name: 'a record that is gone is obeyed',
    file: 'guest/linux/release.c',
    find: '    if (!is_removed(&record)) thaw_recorded(fds, &obstacle);',
    replace: '    thaw_recorded(fds, &obstacle);',
    freezeTests: 'test/freeze/release',
  },
  {
    name: 'no proof of ownership by the mark of the installation',
    file: 'src/job/ownership.ts',
    find: '  if (!arrays.some((array) => own.mark === installation.markOf(own.run, array))) {',
    replace: '  if (arrays.length === 0) {',
    tests: ['test/unit/job/reap-worlds.test.ts'],
  },
  {
    name: 'no proof of ownership by the time of the run',
    file: 'src/job/ownership.ts',
    find: '  if (isOfItsTime) return undefined;',
    replace: '  if (isOfItsTime || madeAtMs !== undefined) return undefined;',
    tests: ['test/unit/job/reap-worlds.test.ts'],
  },
  {
    name: 'no look whether a target still is the one of the journal',
    file: 'src/job/reused-targets.ts',
    find: '  if (unlinked.length === 0) return targets;',
    replace: '  if (unlinked.length >= 0) return targets;',
    tests: ['test/unit/job/reap-worlds.test.ts'],
  },
];
