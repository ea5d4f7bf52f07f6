import type { Argv } from 'yargs';
import { jobOption, verb, withExamples } from './command-line.ts';
import { stderrReporter } from './console.ts';

const list = (parser: Argv) =>
  parser.command(
    'list',
    'clones of this machine',
    (command) => withExamples(command, ['$0 clone list', 'every clone with its host and datastore']),
    verb(async ({ config: configFile }, signal) => {
      const { cloneListVerb } = await import('./clone-verbs.ts');
      return cloneListVerb({ configFile, reporter: stderrReporter, signal });
    }),
  );

const remove = (parser: Argv) =>
  parser.command(
    'delete <run>',
    'take a clone away: VM, and its files or its datastore, devices, link and snapshot',
    (command) =>
      withExamples(
        command
          .positional('run', { type: 'string', demandOption: true, describe: 'run id, as `clone list` shows it' })
          .option('apply', { type: 'boolean', default: false, describe: 'do it; otherwise only tell what would be' })
          .epilogue('Exit codes: 0 gone, 13 it is in use, 20 something is left behind, 75 there is no such clone.'),
        ['$0 clone delete mb3k2j1f-x8q2zk', 'look only'],
        ['$0 clone delete mb3k2j1f-x8q2zk --apply', 'once the clone is powered off'],
      ),
    verb(async ({ config: configFile, run, apply }, signal) => {
      const { cloneDeleteVerb } = await import('./clone-verbs.ts');
      return cloneDeleteVerb({ configFile, reporter: stderrReporter, signal }, { run, apply });
    }),
  );

const create = (parser: Argv) =>
  parser.command(
    ['create <vm>', '$0'],
    'make a second VM of a snapshot of the first, powered off: registered on a linked copy of VMFS, copied by vCenter for vVols',
    (command) =>
      withExamples(
        jobOption(command)
          .positional('vm', {
            type: 'string',
            demandOption: true,
            describe: 'one VM, or a selector of one as in docs/selectors.md',
          })
          .option('to-host', {
            type: 'string',
            requiresArg: true,
            describe: 'ESXi host, as vCenter names it; default: `clones.host` of the job',
          })
          .option('snapshot', {
            type: 'string',
            requiresArg: true,
            describe: 'run id of a kept snapshot to make it of; default: the VM is captured now',
          })
          .option('name', {
            type: 'string',
            requiresArg: true,
            describe: 'of the clone; default: VM, -clone- and time',
          })
          .option('folder', {
            type: 'string',
            requiresArg: true,
            describe: 'inventory path of its folder; default: `clones.folder` of the job, or the folder of the VM',
          })
          .option('datastore', {
            type: 'string',
            requiresArg: true,
            describe: 'where vVols are copied to; default: `clones.datastore` of the job, or that of the VM',
          })
          .epilogue(
            'Exit codes: 0 made, 3 made with a lower grade than asked for, 13 to 17 and 20 as of `snaphook pre`.',
          ),
        ['$0 clone web01 --job nightly-web --to-host esx07.example.com', 'a copy of web01 as it is now'],
        ['$0 clone web01 --job nightly-web --snapshot mb3k2j1f-x8q2zk', 'as it was in a kept snapshot'],
        ['$0 clone web01 --job nightly-web --name web01-test --folder DC1/vm/test', 'under a name, in a folder'],
        ['$0 clone sql01 --job nightly-sql --datastore vvol-ds02', 'a VM on vVols (route managed), copied there'],
      ),
    verb(async ({ config: configFile, job, vm, toHost: host, snapshot, name, folder, datastore }, signal) => {
      const { cloneCreateVerb } = await import('./clone-verbs.ts');
      const request = { job, vm, host, snapshot, name, folder, datastore };
      return cloneCreateVerb({ configFile, reporter: stderrReporter, signal }, request);
    }),
  );

/** `snaphook clone VM`, `snaphook clone list|delete`. */
export const cloneCommands = (parser: Argv): Argv =>
  [create, list, remove].reduce((command, add) => add(command), parser);
