import type { Argv } from 'yargs';
import { verb, withExamples } from './command-line.ts';
import { stderrReporter } from './console.ts';

const list = (parser: Argv) =>
  parser.command(
    'list',
    'which VM is on which device and in which snapshot, by the journals of this machine',
    (command) =>
      withExamples(
        command
          .option('vm', { type: 'string', requiresArg: true, describe: 'by name or instance UUID' })
          .option('device', { type: 'string', requiresArg: true, describe: 'by device id or WWN' })
          .option('closed', { type: 'number', default: 0, describe: 'so many closed runs too, the newest first' }),
        ['$0 catalog list', 'what is open, handed over or kept'],
        ['$0 catalog list --device 00311 --closed 100', 'in which runs of late was this device'],
      ),
    verb(async ({ config, vm, device, closed }) =>
      (await import('./catalog-verbs.ts')).catalogListVerb(config, { vm, device, closed }),
    ),
  );

const show = (parser: Argv) =>
  parser.command(
    'show <run>',
    'one run: VMs with their grades, disks, devices, targets, snapshot',
    (command) =>
      withExamples(command.positional('run', { type: 'string', demandOption: true, describe: 'run id' }), [
        '$0 catalog show mb3k2j1f-x8q2zk',
        'also of a run that ended long ago',
      ]),
    verb(async ({ config, run }) => (await import('./catalog-verbs.ts')).catalogShowVerb(config, run)),
  );

const rebuild = (parser: Argv) =>
  parser.command(
    'rebuild',
    'find kept snapshots whose journals are lost, by their marks on the arrays; write journals with --apply',
    (command) =>
      withExamples(
        command.option('apply', { type: 'boolean', default: false, describe: 'give each a journal again' }),
        ['$0 catalog rebuild', 'what the arrays have, and which VMs are on these devices now'],
        ['$0 catalog rebuild --apply', 'after a loss of the state directory'],
      ),
    verb(async ({ config: configFile, apply }, signal) =>
      (await import('./catalog-verbs.ts')).catalogRebuildVerb({ configFile, apply }, stderrReporter, signal),
    ),
  );

/** `snaphook catalog list|show|rebuild`. */
export const catalogCommands = (parser: Argv): Argv =>
  [list, show, rebuild].reduce((command, add) => add(command), parser).demandCommand(1, 'Name an action.');
