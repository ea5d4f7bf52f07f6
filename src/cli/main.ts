import yargs, { type Argv } from 'yargs';
import { hideBin } from 'yargs/helpers';
import { DEFAULT_CONFIG_FILE } from '../config/default-file.ts';
import { ON_OPEN_RUN } from '../job/job-spec.ts';
import { SnaphookError } from '../ports/errors.ts';
import { bandsCommands } from './bands-commands.ts';
import { catalogCommands } from './catalog-commands.ts';
import { cloneCommands } from './clone-commands.ts';
import { jobOption, verb, withExamples } from './command-line.ts';
import { endProgram, runVerb } from './console.ts';
import { guestCommands } from './guest-commands.ts';
import { installCommand, uninstallCommand } from './install-commands.ts';
import { restoreCommands } from './restore-commands.ts';
import { revertCommand } from './revert-command.ts';
import { snapshotCommands } from './snapshot-commands.ts';
import { vmCommands } from './vm-commands.ts';

const vmOptions = (parser: Argv) =>
  jobOption(parser).option('vm', {
    type: 'string',
    array: true,
    nargs: 1,
    default: [] as string[],
    describe: 'VM, or selector as in docs/selectors.md, instead of the configured ones; may be repeated',
  });

const callOptions = <Options>(parser: Argv<Options>) =>
  parser.option('instance', { type: 'string', describe: 'which of several backup servers calls' }).option('run-id', {
    type: 'string',
    describe:
      "the product's own id of its run; in pre the same id again replaces its earlier try; post leaves a run alone that this command made with another id",
  });

const preOptions = (parser: Argv) =>
  callOptions(vmOptions(parser))
    .option('on-open-run', {
      choices: ON_OPEN_RUN,
      describe: 'when another pre hook of the job works, or an earlier run still waits for its post hook',
    })
    .option('level', { type: 'string', describe: 'full, incremental, ...' });

const parser: Argv = yargs(hideBin(process.argv))
  .scriptName('snaphook')
  .usage('$0 <verb> [options]\n\nApplication-consistent array snapshots of VMware VMs for existing backup products.')
  .option('config', {
    type: 'string',
    default: process.env.SNAPHOOK_CONFIG ?? DEFAULT_CONFIG_FILE,
    describe: 'configuration file',
  })
  .option('json', { type: 'boolean', default: false, describe: 'one JSON document on stdout' })
  .option('debug', { type: 'boolean', default: false, describe: 'stack traces on stderr' })
  .command(
    'pre',
    'freeze, snapshot, thaw, link and hand over: what the pre-backup hook does',
    (command) =>
      withExamples(
        preOptions(command),
        ['$0 pre --job nightly-sql', 'capture the VMs of the job and hand over their images'],
        ['$0 pre --job nightly-sql --vm SQL01 --json', 'one VM only; the result as JSON'],
        ['$0 pre --job nightly-sql --on-open-run wait', 'let an earlier run of the job end first'],
      ),
    verb(async (options, signal) => {
      const [{ preVerb }, { stderrReporter }] = await Promise.all([import('./pre-verb.ts'), import('./console.ts')]);
      const { job, vm, instance, runId, level, onOpenRun } = options;
      const context = { job, integration: 'command line', instance, productRunId: runId, level };
      return preVerb({ configFile: options.config, context, vms: vm, onOpenRun }, stderrReporter, signal);
    }),
  )
  .command(
    'post',
    'release, unlink and terminate: what the post-backup hook does; stops a pre hook of the job that still works',
    (command) =>
      withExamples(
        callOptions(jobOption(command)).option('outcome', {
          choices: ['success', 'failure'] as const,
          describe: 'how the backup ended, which guests with full backups wait for; default: unknown, told as failure',
        }),
        ['$0 post --job nightly-sql', 'end the open run of the job'],
        ['$0 post --job nightly-sql --outcome success', 'the same; applications may drop logs that the backup holds'],
        ['$0 post --job nightly-sql --run-id 4711', 'end it unless `$0 pre` made it with another id'],
      ),
    verb(async ({ config, job, instance, runId, outcome: result }) => {
      const [{ postVerb }, { stderrReporter }] = await Promise.all([import('./post-verb.ts'), import('./console.ts')]);
      const context = { job, integration: 'command line', instance, productRunId: runId, level: undefined };
      return postVerb({ configFile: config, context, result }, stderrReporter);
    }),
  )
  .command(
    'hook [phase]',
    'what a backup product calls: as pre-backup and post-backup do, or as its own words say; --help has its options',
    (command) => command.positional('phase', { choices: ['pre', 'post', 'list'] as const }),
  )
  .command(
    'plan',
    'show what a run would touch; changes nothing',
    (command) =>
      withExamples(vmOptions(command), ['$0 plan --job nightly-sql', 'VM, disk, device and target of every disk']),
    verb(async (options, signal) => {
      const [{ planVerb }, { stderrReporter }] = await Promise.all([import('./plan-verb.ts'), import('./console.ts')]);
      return planVerb({ configFile: options.config, job: options.job, vms: options.vm }, stderrReporter, signal);
    }),
  )
  .command(
    'explain <what> <name>',
    'the whole way from a VM to its devices and the proxy, and why anything is refused; reads only',
    (command) =>
      withExamples(
        command
          .positional('what', { choices: ['vm'] as const, demandOption: true })
          .positional('name', {
            type: 'string',
            demandOption: true,
            describe: 'VM name, uuid:, bios:, moref:, path:, or another selector of one VM; no job has to name it',
          })
          .epilogue('Exit codes: 0 every disk could be captured, 13 something is refused.'),
        ['$0 explain vm SQL01', 'every disk, its device and its way to the proxy'],
        ['$0 explain vm moref:vm-117 --json', 'the same as one JSON document'],
      ),
    verb(async (options, signal) => {
      const [{ explainVerb }, { stderrReporter }] = await Promise.all([
        import('./explain-verb.ts'),
        import('./console.ts'),
      ]);
      return explainVerb({ configFile: options.config, vm: options.name }, stderrReporter, signal);
    }),
  )
  .command('install', 'set a backup product up to call hooks', installCommand)
  .command('uninstall', 'take away what `install` wrote', uninstallCommand)
  .command('vm', 'what there is to capture', vmCommands)
  .command('guest', 'the VSS helper in Windows guests: install, uninstall, status, selftest', guestCommands)
  .command('clone', 'make, list and delete copies of VMs on ESXi hosts', cloneCommands)
  .command('snapshot', 'make, list, export, rename, delete and prune snapshots that are kept', snapshotCommands)
  .command('restore', 'make VMs of the images of a backup', restoreCommands)
  .command('revert', 'set VMs that are powered off back to a kept snapshot', revertCommand)
  .command('bands', 'what was handed over as bands', bandsCommands)
  .command('catalog', 'VM, disk, device and snapshot of every run', catalogCommands)
  .command(
    'status',
    'open, kept and recent runs of this machine',
    (command) =>
      withExamples(command.option('closed', { type: 'number', default: 5, describe: 'how many closed runs to show' }), [
        '$0 status',
        'what is open, and what it holds',
      ]),
    verb(async (options) => (await import('./status-verb.ts')).statusVerb(options.config, options.closed)),
  )
  .command(
    'reap',
    'find what runs left behind; remove it with --apply',
    (command) =>
      withExamples(
        command
          .option('apply', { type: 'boolean', default: false, describe: 'remove what is provably ours' })
          .option('include-waiting', {
            type: 'boolean',
            default: false,
            describe: 'also end runs that wait for their post hook',
          })
          .option('older-than', {
            type: 'number',
            default: 24,
            requiresArg: true,
            describe: 'hours: what has no journal here is removed only if its run began longer ago',
          })
          .epilogue(
            'Exit codes: 0 nothing of ours is left, 20 something of ours was found, could not be removed, or could not be looked for.',
          ),
        ['$0 reap', 'look only; exit code 20 when something of ours was found'],
        ['$0 reap --apply', 'remove what is provably ours'],
        ['$0 reap --apply --older-than 0', 'after a loss of the state directory, when no run is at work anywhere'],
      ),
    verb(async (options, signal) => {
      const [{ reapVerb }, { stderrReporter }] = await Promise.all([import('./reap-verb.ts'), import('./console.ts')]);
      return reapVerb(options, stderrReporter, signal);
    }),
  )
  .command(
    'doctor',
    'check configuration, vCenter, arrays, pools, proxy, every plan and every guest; freezes nothing, runs no script',
    (command) =>
      withExamples(
        command
          .option('job', { type: 'string', describe: 'this job and its guests alone', requiresArg: true })
          .option('probe', {
            type: 'string',
            requiresArg: true,
            describe: 'ask the array once, with this VM, whether it takes SnapVX snapshots of vVols',
          })
          .epilogue('Exit codes: 0 all is well, 13 a check failed.'),
        ['$0 doctor', 'every check with its result and what to do about it'],
        ['$0 doctor --probe test01', 'takes a snapshot of one vVol of test01 and removes it at once'],
        ['$0 doctor --job nightly-sql --json', 'one job and the guests it freezes; the result as JSON'],
      ),
    verb(async (options, signal) => {
      const [{ doctorVerb }, { stderrReporter }] = await Promise.all([
        import('./doctor-verb.ts'),
        import('./console.ts'),
      ]);
      return doctorVerb({ configFile: options.config, job: options.job, probe: options.probe }, stderrReporter, signal);
    }),
  )
  .command(
    'verify <manifest>',
    'compare images, wherever they lie now, with the manifest beside them; needs no configuration',
    (command) =>
      withExamples(
        command
          .positional('manifest', { type: 'string', demandOption: true, describe: 'snaphook-manifest.json' })
          .option('public-key', {
            type: 'string',
            requiresArg: true,
            describe: 'PEM file: the manifest must be signed with the private key that belongs to it',
          })
          .option('root', {
            type: 'string',
            requiresArg: true,
            describe: 'folder to which what was handed over was restored; default: that of the manifest',
          })
          .epilogue(
            'Exit codes: 0 every image, or every file, holds what was handed over, 19 one does not, or the signature is wrong.',
          ),
        ['$0 verify /restore/sql/snaphook-manifest.json', 'size and hash of what every image holds'],
        ['$0 verify snaphook-manifest.json --public-key manifest.pub', 'who wrote the manifest, too'],
        [
          '$0 verify /backup/web/snaphook-manifest.json --root /restore/web',
          'files that were restored, where the job had verify.fileHashes',
        ],
      ),
    verb(async ({ manifest, publicKey, root }, signal) => {
      const [{ verifyVerb }, { stderrReporter }] = await Promise.all([
        import('./verify-verb.ts'),
        import('./console.ts'),
      ]);
      return verifyVerb({ manifest, publicKey, root }, stderrReporter, signal);
    }),
  )
  .command(
    'manifest <what>',
    'print the JSON Schema of manifests',
    (command) =>
      withExamples(command.positional('what', { choices: ['schema'] as const, demandOption: true }), [
        '$0 manifest schema',
        'what every field of a manifest means',
      ]),
    verb(async () => (await import('./manifest-verb.ts')).manifestSchemaVerb()),
  )
  .command(
    'config <what>',
    'check the configuration, or print its JSON Schema',
    (command) =>
      withExamples(command.positional('what', { choices: ['check', 'schema'] as const, demandOption: true }), [
        '$0 config check',
        'read the configuration and say what is wrong with it',
      ]),
    verb(async (options) => (await import('./config-verb.ts')).configVerb(options.config, options.what)),
  )
  .command(
    'demo',
    'a whole backup and restore in the lab: simulated vCenter, array and guest, real data',
    (command) => withExamples(command, ['$0 demo', 'needs no root and nothing but this machine; under a minute']),
    verb(async (options, signal) => (await import('./demo/demo-verb.ts')).demoVerb(options, signal)),
  )
  .command(
    'lab <what>',
    'the rehearsal lab: keep the simulated systems running',
    (command) =>
      withExamples(
        command
          .positional('what', { choices: ['up'] as const, demandOption: true })
          .option('directory', {
            type: 'string',
            default: '.snaphook-lab',
            describe: 'where the lab keeps its devices and certificates',
          })
          .option('latency', { type: 'number', default: 5, describe: 'milliseconds every simulated answer takes' }),
        ['$0 lab up', 'then, in another terminal, use the configuration file it prints'],
      ),
    verb(async (options, signal) => (await import('./lab-verb.ts')).labUpVerb(options, signal)),
  )
  .completion('completion', 'print the script for bash that completes verbs and options')
  .demandCommand(1, 'Name a verb.')
  .recommendCommands()
  .strict()
  .wrap(Math.min(110, process.stdout.columns ?? 110))
  .version(__VERSION__)
  .epilogue(
    'Exit codes: 0 ok, 1 failed, 2 usage, 3 degraded, 10 configuration, 11 locked, 12 credentials, 13 preflight, 14 freeze, 15 freeze window, 16 array, 17 vCenter, 18 proxy, 19 verification, 20 something left behind, 75 nothing to do, 124 deadline, 129/130/143 interrupted, everything undone.',
  )
  .fail((message, error) => {
    if (error && !message) throw error;
    const lines = message.split('\n').map((line) => line.trim());
    throw new SnaphookError('E_USAGE', `command line: ${lines.filter((line) => line !== '').join(' ')}`, {
      hint: 'Run `snaphook --help`, or a verb with --help, to see what there is.',
    });
  });

async function main(): Promise<void> {
  try {
    await parser.parseAsync();
  } catch (error) {
    const invocation = { json: process.argv.includes('--json'), debug: process.argv.includes('--debug') };
    await endProgram(await runVerb(invocation, () => Promise.reject(error)));
  }
}

void main();
