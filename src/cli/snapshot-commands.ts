import type { Argv } from 'yargs';
import { jobOption, verb, withExamples } from './command-line.ts';
import { stderrReporter } from './console.ts';

const applyOption = <Options>(command: Argv<Options>) =>
  command.option('apply', { type: 'boolean', default: false, describe: 'delete; otherwise only tell what would be' });

const runPositional = { type: 'string', demandOption: true, describe: 'run id, as `snapshot list` shows it' } as const;

const create = (parser: Argv) =>
  parser.command(
    'create [vms..]',
    'freeze, snapshot, thaw, and keep the snapshot on the array',
    (command) =>
      withExamples(
        jobOption(command)
          .positional('vms', {
            type: 'string',
            array: true,
            default: [] as string[],
            describe: 'VMs, or selectors as in docs/selectors.md; default: those of the job',
          })
          .option('name', { type: 'string', requiresArg: true, describe: 'label, for people' })
          .option('keep-days', {
            type: 'number',
            requiresArg: true,
            describe: 'keep it for so many days, whatever `retention` of the job says',
          })
          .epilogue(
            'Exit codes: 0 made, 3 made with a lower grade than asked for, 13 to 17 and 20 as of `snaphook pre`.',
          ),
        ['$0 snapshot create --job nightly-sql', 'the VMs of the job, kept as its `retention` says'],
        ['$0 snapshot create sql01 --job nightly-sql --name "before patch" --keep-days 14', 'one VM, for two weeks'],
      ),
    verb(async ({ config: configFile, job, vms, name: label, keepDays }, signal) => {
      const { snapshotCreateVerb } = await import('./snapshot-create-verb.ts');
      return snapshotCreateVerb({ configFile, job, vms, label, keepDays }, stderrReporter, signal);
    }),
  );

const list = (parser: Argv) =>
  parser.command(
    'list',
    'kept snapshots, and what the arrays have of them',
    (command) =>
      withExamples(
        command
          .option('job', { type: 'string', requiresArg: true, describe: 'of this job alone' })
          .option('vm', { type: 'string', requiresArg: true, describe: 'with this VM, by name or instance UUID' }),
        ['$0 snapshot list', 'every kept snapshot with its state'],
        ['$0 snapshot list --vm sql01 --json', 'those of one VM, as JSON'],
      ),
    verb(async ({ config: configFile, job, vm }, signal) => {
      const { snapshotListVerb } = await import('./snapshot-verbs.ts');
      return snapshotListVerb({ configFile, reporter: stderrReporter, signal }, { job, vm });
    }),
  );

const exportKept = (parser: Argv) =>
  parser.command(
    'export <run> [vms..]',
    'link a kept snapshot and hand over its images or files, until the post hook of the job',
    (command) =>
      withExamples(
        jobOption(command)
          .positional('run', runPositional)
          .positional('vms', {
            type: 'string',
            array: true,
            default: [] as string[],
            describe: 'VMs of the snapshot, by the name they had or by instance UUID; default: all of them',
          })
          .epilogue(
            'Exit codes: 0 handed over, 3 with a lower grade than the job asks for, others as of `snaphook pre`.',
          ),
        ['$0 snapshot export mb3k2j1f-x8q2zk --job restore', "images or files in the job's exportDirectory"],
        ['$0 post --job restore', 'when they are not needed any more; the snapshot stays'],
      ),
    verb(async ({ config: configFile, job, run, vms }, signal) => {
      const { snapshotExportVerb } = await import('./snapshot-export-verb.ts');
      return snapshotExportVerb({ configFile, job, run, vms }, stderrReporter, signal);
    }),
  );

const rename = (parser: Argv) =>
  parser.command(
    'rename <run> <label>',
    'give a kept snapshot another label; its name on the array stays',
    (command) =>
      withExamples(
        command
          .positional('run', runPositional)
          .positional('label', { type: 'string', demandOption: true, describe: '1 to 100 characters' }),
        ['$0 snapshot rename mb3k2j1f-x8q2zk "before patch 7"', 'call it so from now on'],
      ),
    verb(async ({ config: configFile, run, label }, signal) => {
      const { snapshotRenameVerb } = await import('./snapshot-verbs.ts');
      return snapshotRenameVerb({ configFile, reporter: stderrReporter, signal }, { run, label });
    }),
  );

const remove = (parser: Argv) =>
  parser.command(
    'delete <runs..>',
    'delete kept snapshots; without --apply only tell what would be deleted',
    (command) =>
      withExamples(
        applyOption(command).positional('runs', { ...runPositional, array: true }),
        ['$0 snapshot delete mb3k2j1f-x8q2zk', 'look: is it there, is it linked'],
        ['$0 snapshot delete mb3k2j1f-x8q2zk --apply', 'delete it; refused while it is linked'],
      ),
    verb(async ({ config: configFile, runs, apply }, signal) => {
      const { snapshotDeleteVerb } = await import('./snapshot-verbs.ts');
      return snapshotDeleteVerb({ configFile, reporter: stderrReporter, signal }, { runs, apply });
    }),
  );

const prune = (parser: Argv) =>
  parser.command(
    'prune',
    'delete the kept snapshots of a job whose time is over; without --apply only tell which',
    (command) =>
      withExamples(
        applyOption(jobOption(command)),
        ['$0 snapshot prune --job nightly-sql', 'which are older or more than `retention` says'],
        ['$0 snapshot prune --job nightly-sql --apply', 'delete them'],
      ),
    verb(async ({ config: configFile, job, apply }, signal) => {
      const { snapshotPruneVerb } = await import('./snapshot-verbs.ts');
      return snapshotPruneVerb({ configFile, reporter: stderrReporter, signal }, { job, apply });
    }),
  );

/** `snaphook snapshot create|list|export|rename|delete|prune`. */
export const snapshotCommands = (parser: Argv): Argv =>
  [create, list, exportKept, rename, remove, prune]
    .reduce((command, add) => add(command), parser)
    .demandCommand(1, 'Name an action.');
