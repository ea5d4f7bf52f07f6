import type { Argv } from 'yargs';
import { DEFAULT_CONFIG_FILE } from '../config/default-file.ts';
import { jobOption, verb, withExamples } from './command-line.ts';

const commonOptions = (parser: Argv) =>
  jobOption(parser)
    .positional('product', { type: 'string', demandOption: true, describe: 'as --integration of a hook names it' })
    .option('dry-run', { type: 'boolean', default: false, describe: 'only print what would be done' });

/** `snaphook install PRODUCT`. */
export const installCommand = (parser: Argv): Argv =>
  parser.command(
    '$0 <product>',
    'write the hook files of a backup product for one job, and say what else is to be set in it',
    (command) =>
      withExamples(
        commonOptions(command)
          .option('set', {
            type: 'string',
            array: true,
            nargs: 1,
            default: [] as string[],
            describe: "NAME=VALUE: what has to be known of the product's own job; may be repeated",
          })
          .option('program', {
            type: 'string',
            requiresArg: true,
            describe: 'snaphook as hooks call it; default: this one',
          })
          .option('system', {
            choices: ['linux', 'windows'] as const,
            describe: 'where the hooks run; default: this one, others only with --dry-run',
          }),
        ['$0 install bacula --job nightly-sql --dry-run', 'look at everything first'],
        ['$0 install netbackup --job nightly-sql --set policy=VMWARE-SQL', 'write the notify scripts of that policy'],
      ),
    verb(async (options) => {
      const { installVerb } = await import('./install/install-verb.ts');
      const { config, ...call } = options;
      return installVerb({
        ...call,
        settings: call.set,
        configFile: config,
        isOwnConfig: config !== DEFAULT_CONFIG_FILE,
      });
    }),
  );

/** `snaphook uninstall PRODUCT`. */
export const uninstallCommand = (parser: Argv): Argv =>
  parser.command(
    '$0 <product>',
    'take away the files that `install` wrote for one job',
    (command) =>
      withExamples(
        commonOptions(command).epilogue(
          'Exit codes: 0 they are gone, 20 one was changed since it was installed and is left alone.',
        ),
        ['$0 uninstall bacula --job nightly-sql', 'lines of a configuration are taken out by hand'],
      ),
    verb(async ({ config: configFile, product, job, dryRun }) =>
      (await import('./install/install-verb.ts')).uninstallVerb({ configFile, product, job, dryRun }),
    ),
  );
