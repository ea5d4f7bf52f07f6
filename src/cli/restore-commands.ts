import type { Argv } from 'yargs';
import { verb, withExamples } from './command-line.ts';
import { stderrReporter } from './console.ts';

const EXIT_CODES =
  'Exit codes: 0 ok, 11 another restore of the VM is at work, 13 refused, 17 vCenter, 19 an image is not as its manifest says, or the signature is wrong, 20 something is left behind.';

const backupOptions = (parser: Argv) =>
  parser
    .positional('manifest', {
      type: 'string',
      demandOption: true,
      describe: 'snaphook-manifest.json beside its images, as the backup product gave them back; or their folder',
    })
    .option('vm', { type: 'string', requiresArg: true, describe: 'name or instance UUID, where it has several' })
    .option('disk', {
      type: 'string',
      array: true,
      nargs: 1,
      default: [] as string[],
      describe: 'label of a disk; may be repeated; default: all of them',
    })
    .option('public-key', {
      type: 'string',
      requiresArg: true,
      describe: 'PEM file: the manifest must be signed with the private key that belongs to it',
    });

const restoreOptions = (parser: Argv) =>
  backupOptions(parser)
    .option('as', { type: 'string', requiresArg: true, describe: 'make a new VM of that name' })
    .option('in-place', {
      type: 'boolean',
      default: false,
      describe: 'take the place of the VM, which must be powered off and is renamed, not removed',
    })
    .option('into', {
      type: 'string',
      requiresArg: true,
      describe: 'give the disks named by --disk to this VM, which may run; named as in vms of a job',
    })
    .option('host', {
      type: 'string',
      requiresArg: true,
      describe: 'ESXi host, as vCenter names it; not with --into',
    })
    .option('datastore', {
      type: 'string',
      requiresArg: true,
      describe: 'where its disks are to lie; with --into by default that of the VM',
    })
    .option('folder', {
      type: 'string',
      requiresArg: true,
      describe: 'inventory path; default: the VM folder of the datacenter',
    })
    .option('resource-pool', {
      type: 'string',
      requiresArg: true,
      describe: "default: the root pool of the host's cluster",
    })
    .option('connect-network', {
      type: 'boolean',
      default: false,
      describe: 'connect its network adapters when it is powered on',
    })
    .option('nvram', {
      type: 'boolean',
      default: true,
      describe: 'bring the settings of its firmware, where the backup has them; --no-nvram leaves them out',
    })
    .epilogue(EXIT_CODES);

const WHERE = '--host esx07.example.com --datastore vvol-ds01';

const plan = (parser: Argv) =>
  parser.command(
    'plan <manifest>',
    'show what a restore would make; changes nothing',
    (command) =>
      withExamples(restoreOptions(command), [
        `$0 restore plan /restored/sql --as sql01-restored ${WHERE}`,
        'VM, disks, images and place',
      ]),
    verb(async ({ config: configFile, ...options }, signal) => {
      const { restoreVerb } = await import('./restore-verb.ts');
      return restoreVerb({ configFile, reporter: stderrReporter, signal }, { ...options, apply: false });
    }),
  );

const run = (parser: Argv) =>
  parser.command(
    'run <manifest>',
    'make a VM, or a disk of another VM, of the images of a backup; with --apply only',
    (command) =>
      withExamples(
        restoreOptions(command).option('apply', {
          type: 'boolean',
          default: false,
          describe: 'do it; otherwise only tell what would be',
        }),
        [`$0 restore run /restored/sql --as sql01-restored ${WHERE} --apply`, 'a new VM'],
        [`$0 restore run /restored/sql --in-place ${WHERE} --apply`, 'in place of the VM'],
        ['$0 restore run /restored/sql --disk "Hard disk 2" --into sql02 --apply', 'one disk, into another VM'],
      ),
    verb(async ({ config: configFile, ...options }, signal) => {
      const { restoreVerb } = await import('./restore-verb.ts');
      return restoreVerb({ configFile, reporter: stderrReporter, signal }, options);
    }),
  );

const files = (parser: Argv) =>
  parser.command(
    'files <manifest>',
    'take files out of the images of a backup (Linux, root); without --apply only tell what lies there',
    (command) =>
      withExamples(
        backupOptions(command)
          .option('path', {
            type: 'string',
            demandOption: true,
            requiresArg: true,
            describe: 'file or folder as the guest has it; with --volume as that file system has it',
          })
          .option('volume', {
            type: 'string',
            requiresArg: true,
            describe: 'file system, such as part2 or lvm/GROUP/VOLUME, or disk where the disk has no partition table',
          })
          .option('to', {
            type: 'string',
            demandOption: true,
            requiresArg: true,
            describe: 'new or empty folder; its parent needs room for the disks, too',
          })
          .option('apply', { type: 'boolean', default: false, describe: 'copy; otherwise only tell what would be' })
          .epilogue(
            'Exit codes: 0 ok, 11 another restore of the VM is at work, 13 refused, 18 mounts or room, 19 an image is not as its manifest says, or the signature is wrong, 20 something is left behind.',
          ),
        ['$0 restore files /restored/web --path /etc/nginx --to /tmp/nginx --apply', 'by the /etc/fstab of the guest'],
        ['$0 restore files /restored/sql --disk "Hard disk 2" --volume part1 --path / --to /tmp/data', 'what is there'],
      ),
    verb(async ({ config: configFile, ...options }, signal) => {
      const { restoreFilesVerb } = await import('./restore-files-verb.ts');
      return restoreFilesVerb({ configFile, reporter: stderrReporter, signal }, options);
    }),
  );

export const restoreCommands = (parser: Argv) =>
  files(run(plan(parser))).demandCommand(1, 'Name what is to be done: plan, run or files.');
