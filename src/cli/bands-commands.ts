import type { Argv } from 'yargs';
import { verb, withExamples } from './command-line.ts';
import { stderrReporter } from './console.ts';

const assemble = (parser: Argv) =>
  parser.command(
    'assemble <folder> <image>',
    'make one raw image of a folder of bands, and prove every byte of it',
    (command) =>
      withExamples(
        command
          .positional('folder', { type: 'string', demandOption: true, describe: 'folder of bands, as restored' })
          .positional('image', { type: 'string', demandOption: true, describe: 'file to make; it must not be there' })
          .epilogue('Exit codes: 0 made, 18 it cannot be written, 19 the bands are not as they were written.'),
        ['$0 bands assemble restored/sql01/hard-disk-1.bands sql01.raw', 'needs no configuration, vCenter or array'],
      ),
    verb(async ({ folder, image }, signal) => {
      const { bandsAssembleVerb } = await import('./bands-assemble-verb.ts');
      return bandsAssembleVerb({ folder, image }, stderrReporter, signal);
    }),
  );

/** `snaphook bands assemble`. */
export const bandsCommands = (parser: Argv): Argv => assemble(parser);
