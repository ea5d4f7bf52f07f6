import { parseArgs } from 'node:util';
import { type JobContext, ON_OPEN_RUN, type OnOpenRun } from '../../src/job/job-spec.ts';
import { SnaphookError } from '../../src/ports/errors.ts';

/** What a hook knows when a product calls it: who calls, for which job, and where the configuration is. */
export interface HookCall {
  readonly context: JobContext;
  readonly vms: readonly string[];
  readonly configFile: string | undefined;
  readonly onOpenRun: OnOpenRun | undefined;
  readonly json: boolean;
  readonly debug: boolean;
}

const OPTIONS = {
  job: { type: 'string' },
  instance: { type: 'string' },
  'run-id': { type: 'string' },
  level: { type: 'string' },
  vm: { type: 'string', multiple: true },
  config: { type: 'string' },
  'on-open-run': { type: 'string' },
  json: { type: 'boolean' },
  debug: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

export const HOOK_USAGE = `Options, and the environment variables that give the same:
  --job NAME          the job in the snaphook configuration   SNAPHOOK_JOB
  --vm VM             a VM; may be repeated, replaces the     SNAPHOOK_VMS (one a line, or separated by commas)
                      VMs of the configuration
  --config FILE       configuration file                      SNAPHOOK_CONFIG
  --instance NAME     which of several servers calls          SNAPHOOK_INSTANCE
  --run-id ID         the product's own id of its run: the    SNAPHOOK_RUN_ID
                      same id again replaces its earlier try;
                      post leaves a run of another id alone
  --level LEVEL       full, incremental, ...                  SNAPHOOK_LEVEL
  --on-open-run WHAT  fail, replace or wait, when another pre hook of the job works or
                      an earlier run still waits for its post hook
  --json              one JSON document on stdout
  --debug             stack traces on stderr
`;

/** The generic contract: options first, environment second. Errors: `E_USAGE`. `help` asks for the usage text instead. */
export function readHookCall(argv: readonly string[], env: NodeJS.ProcessEnv): HookCall | 'help' {
  const { values } = parse(argv);
  if (values.help) return 'help';
  const job = values.job ?? env.SNAPHOOK_JOB;
  if (!job) {
    throw new SnaphookError('E_USAGE', 'no job is named', { hint: 'Give --job NAME or set SNAPHOOK_JOB.' });
  }
  return {
    context: {
      job,
      integration: 'generic',
      instance: values.instance ?? env.SNAPHOOK_INSTANCE,
      productRunId: values['run-id'] ?? env.SNAPHOOK_RUN_ID,
      level: values.level ?? env.SNAPHOOK_LEVEL,
    },
    vms: values.vm ?? splitList(env.SNAPHOOK_VMS),
    configFile: values.config ?? env.SNAPHOOK_CONFIG,
    onOpenRun: parseOnOpenRun(values['on-open-run']),
    json: values.json ?? false,
    debug: values.debug ?? false,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, strict: true, allowPositionals: false });
  } catch (error) {
    throw new SnaphookError('E_USAGE', lowerFirst(messageOf(error)), {
      hint: 'Run the hook with --help to see its options.',
    });
  }
}

function parseOnOpenRun(text: string | undefined): OnOpenRun | undefined {
  const known = ON_OPEN_RUN.find((choice) => choice === text);
  if (text === undefined || known) return known;
  throw new SnaphookError('E_USAGE', `--on-open-run "${text}" is unknown`, { hint: `Use ${ON_OPEN_RUN.join(', ')}.` });
}

const splitList = (text: string | undefined): readonly string[] =>
  (text ?? '')
    .split(/[,\n]/)
    .map((part) => part.trim())
    .filter((part) => part !== '');

const messageOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : 'unreadable options';

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
