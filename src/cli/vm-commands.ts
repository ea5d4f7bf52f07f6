import type { Argv } from 'yargs';
import { verb, withExamples } from './command-line.ts';
import { stderrReporter } from './console.ts';

/** `snaphook vm list`. */
export const vmCommands = (parser: Argv): Argv =>
  parser
    .command(
      'list [selectors..]',
      'VMs with power state, disks, storage, and the routes they can take; asks vCenter alone',
      (command) =>
        withExamples(
          command
            .positional('selectors', {
              type: 'string',
              array: true,
              default: [] as string[],
              describe: 'as in docs/selectors.md; default: those of the job, or every VM',
            })
            .option('exclude', {
              type: 'string',
              array: true,
              nargs: 1,
              default: [] as string[],
              describe: 'leave out what this names; may be repeated',
            })
            .option('job', { type: 'string', requiresArg: true, describe: 'VMs of this job' }),
          ['$0 vm list', 'every VM of the vCenter'],
          ['$0 vm list --job nightly-sql', 'those of a job'],
          ['$0 vm list tag:Backup/gold --json', 'those with a tag, as JSON'],
        ),
      verb(async ({ config: configFile, job, selectors, exclude }, signal) => {
        const { vmListVerb } = await import('./vm-list-verb.ts');
        return vmListVerb({ configFile, job, selectors, exclude }, stderrReporter, signal);
      }),
    )
    .demandCommand(1, 'Name an action.');
