import type { Argv } from 'yargs';
import { verb, withExamples } from './command-line.ts';
import { stderrReporter } from './console.ts';

/** `snaphook revert VM --snapshot RUN`. */
export const revertCommand = (parser: Argv): Argv =>
  parser.command(
    '$0 <vms..>',
    'set VMs that are powered off back to a kept snapshot; without --apply only look whether that can be done',
    (command) =>
      withExamples(
        command
          .positional('vms', {
            type: 'string',
            array: true,
            demandOption: true,
            describe: 'VMs of the snapshot, by the name they had or by instance UUID',
          })
          .option('snapshot', {
            type: 'string',
            demandOption: true,
            requiresArg: true,
            describe: 'run id of the kept snapshot, as `snapshot list` shows it',
          })
          .option('apply', { type: 'boolean', default: false, describe: 'do it; otherwise only look' })
          .option('keep-current', {
            type: 'boolean',
            default: true,
            describe: 'keep a snapshot of the present state first, to which the VMs can be reverted again',
          })
          .option('keep-days', {
            type: 'number',
            requiresArg: true,
            describe: 'for so many days; default: as long as the snapshot itself was to be kept',
          })
          .epilogue(
            'Exit codes: 0 done, 13 refused, 16 array, 20 the disks were set back and something is in doubt, or `snaphook reap --apply` has to bring it to its end.',
          ),
        ['$0 revert sql01 --snapshot mb3k2j1f-x8q2zk', 'look: is it off, are its disks where they were'],
        ['$0 revert sql01 --snapshot mb3k2j1f-x8q2zk --apply', 'keep what is there now, then set it back'],
        ['$0 revert sql01 --snapshot mb3k2j1f-x8q2zk --no-keep-current --apply', 'what is there now is lost'],
      ),
    verb(async ({ config: configFile, vms, snapshot, apply, keepCurrent, keepDays }, signal) => {
      const { revertVerb } = await import('./revert-verb.ts');
      const request = { vms, snapshot, apply, keepCurrent, keepDays };
      return revertVerb({ configFile, reporter: stderrReporter, signal }, request);
    }),
  );
