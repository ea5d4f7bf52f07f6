import type { Argv } from 'yargs';
import { verb, withExamples } from './command-line.ts';
import { stderrReporter } from './console.ts';

const vmOption = <Options>(parser: Argv<Options>) =>
  parser.positional('vm', {
    type: 'string',
    demandOption: true,
    describe: 'one VM, or a selector of one as in docs/selectors.md',
  });

const fromOption = <Options>(parser: Argv<Options>) =>
  parser.option('from', {
    type: 'string',
    requiresArg: true,
    describe:
      'folder with windows-x64 and windows-x86 in it; default: `guest` beside this program, or that of its package',
  });

const plugInsOption = <Options>(parser: Argv<Options>) =>
  parser.option('plug-ins', {
    type: 'string',
    requiresArg: true,
    coerce: (names: string) => names.split(',').map((name) => name.trim()),
    describe: 'application plug-ins to bring as well, separated by commas: docs/application-plug-ins.md',
  });

const install = (parser: Argv) =>
  parser.command(
    'install <vm>',
    'bring the VSS helper of this release into a Windows guest and register it; again is no error, over an older one is an upgrade',
    (command) =>
      withExamples(
        plugInsOption(fromOption(vmOption(command))).epilogue(
          'Exit codes: 0 the guest runs the helper of this release, 11 a run holds the VM, 14 the guest refused something.',
        ),
        ['$0 guest install sql01', 'the helper that came with this program'],
        ['$0 guest install sql01 --from dist/guest', 'one that was built here'],
        ['$0 guest install pg01 --plug-ins postgresql', 'and what brings PostgreSQL to rest'],
      ),
    verb(async ({ config: configFile, vm, from, plugIns }, signal) => {
      const { guestInstallVerb } = await import('./guest-verbs.ts');
      return guestInstallVerb({ configFile, vm, reporter: stderrReporter, signal }, from, plugIns);
    }),
  );

const uninstall = (parser: Argv) =>
  parser.command(
    'uninstall <vm>',
    'take the VSS helper out of a Windows guest: registration and files, and the application plug-ins of this release',
    (command) =>
      withExamples(
        fromOption(vmOption(command)).epilogue(
          'Exit codes: 0 it is gone, 11 a run holds the VM, 14 the guest refused something.',
        ),
        ['$0 guest uninstall sql01', 'once no job freezes the VM any more'],
      ),
    verb(async ({ config: configFile, vm, from }, signal) => {
      const { guestUninstallVerb } = await import('./guest-verbs.ts');
      return guestUninstallVerb({ configFile, vm, reporter: stderrReporter, signal }, from);
    }),
  );

const status = (parser: Argv) =>
  parser.command(
    'status <vm>',
    'which VSS helper a Windows guest has, and whether it is the one of this release',
    (command) =>
      withExamples(
        fromOption(vmOption(command)).epilogue('Exit codes: 0 there is one, 13 there is none.'),
        ['$0 guest status sql01', 'version, path, architecture'],
        ['$0 guest status sql01 --json', 'the same as one JSON document'],
      ),
    verb(async ({ config: configFile, vm, from }, signal) => {
      const { guestStatusVerb } = await import('./guest-verbs.ts');
      return guestStatusVerb({ configFile, vm, reporter: stderrReporter, signal }, from);
    }),
  );

const selfTest = (parser: Argv) =>
  parser.command(
    'selftest <vm>',
    'let the VSS helper in a Windows guest check rights, registration, writers and its own hold; freezes nothing',
    (command) =>
      withExamples(vmOption(command).epilogue('Exit codes: 0 all is well, 13 a check failed.'), [
        '$0 guest selftest sql01',
        'after an install, and before the first freeze',
      ]),
    verb(async ({ config: configFile, vm }, signal) => {
      const { guestSelfTestVerb } = await import('./guest-verbs.ts');
      return guestSelfTestVerb({ configFile, vm, reporter: stderrReporter, signal });
    }),
  );

/** `snaphook guest`. */
export const guestCommands = (parser: Argv): Argv =>
  [install, uninstall, status, selfTest]
    .reduce((all, command) => command(all), parser)
    .demandCommand(1, 'Name an action.');
