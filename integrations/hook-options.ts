import { parseArgs } from 'node:util';
import { ON_OPEN_RUN, type OnOpenRun } from '../src/job/job-spec.ts';
import { SnaphookError } from '../src/ports/errors.ts';

/** What a hook was told by its own options and variables, whatever product calls. */
export interface HookOptions {
  readonly integration: string;
  readonly job: string | undefined;
  readonly instance: string | undefined;
  readonly runId: string | undefined;
  readonly level: string | undefined;
  /** How the backup ended, as whoever calls the post hook says; undefined: as the product's own words tell. */
  readonly outcome: Outcome | undefined;
  readonly vms: readonly string[];
  readonly configFile: string | undefined;
  readonly onOpenRun: OnOpenRun | undefined;
  /** How long the product waits for the hook; 0: as long as it takes. Undefined: what is known of the product. */
  readonly limitSeconds: number | undefined;
  /** Every line of the log goes to this file, too. */
  readonly logFile: string | undefined;
  readonly json: boolean;
  readonly debug: boolean;
  readonly help: boolean;
  /** What stands behind `--`: the product's own words. */
  readonly words: readonly string[];
}

export const OUTCOMES = ['success', 'failure'] as const;
export type Outcome = (typeof OUTCOMES)[number];

const DEFAULT_INTEGRATION = 'generic';

const OPTIONS = {
  integration: { type: 'string' },
  job: { type: 'string' },
  instance: { type: 'string' },
  'run-id': { type: 'string' },
  level: { type: 'string' },
  outcome: { type: 'string' },
  vm: { type: 'string', multiple: true },
  config: { type: 'string' },
  'on-open-run': { type: 'string' },
  'limit-seconds': { type: 'string' },
  log: { type: 'string' },
  json: { type: 'boolean' },
  debug: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

export const HOOK_USAGE = `Options, and the environment variables that give the same:
  --integration NAME  how the calling product does it; else   SNAPHOOK_INTEGRATION
                      generic
  --job NAME          the job in the snaphook configuration   SNAPHOOK_JOB
  --vm VM             a VM; may be repeated, replaces the     SNAPHOOK_VMS (one a line, or separated by commas)
                      VMs of the configuration
  --config FILE       configuration file                      SNAPHOOK_CONFIG
  --instance NAME     which of several servers calls          SNAPHOOK_INSTANCE
  --run-id ID         the product's own id of its run: the    SNAPHOOK_RUN_ID
                      same id again replaces its earlier try;
                      post leaves a run of another id alone
  --level LEVEL       full, incremental, ...                  SNAPHOOK_LEVEL
  --outcome WHAT      post: success or failure of the         SNAPHOOK_OUTCOME
                      backup, for guests with full backups
  --on-open-run WHAT  fail, replace or wait, when another pre hook of the job works or
                      an earlier run still waits for its post hook
  --limit-seconds N   how long the product waits for the      SNAPHOOK_LIMIT_SECONDS
                      hook; 0: as long as it takes
  --log FILE          write the log to this file, too         SNAPHOOK_LOG
  --json              one JSON document on stdout
  --debug             stack traces on stderr
  -- WORDS            what the product itself adds to the call
`;

/**
 * Options first, environment second; one that is empty counts as not given, as products put in what they have.
 * Errors: `E_USAGE`.
 */
export function readHookOptions(argv: readonly string[], env: NodeJS.ProcessEnv): HookOptions {
  const end = argv.indexOf('--');
  const values = parse(end < 0 ? argv : argv.slice(0, end));
  const either = (option: string | undefined, variable: string) => option || env[variable] || undefined;
  const vms = (values.vm ?? []).filter((vm) => vm !== '');
  return {
    integration: either(values.integration, 'SNAPHOOK_INTEGRATION') ?? DEFAULT_INTEGRATION,
    job: either(values.job, 'SNAPHOOK_JOB'),
    instance: either(values.instance, 'SNAPHOOK_INSTANCE'),
    runId: either(values['run-id'], 'SNAPHOOK_RUN_ID'),
    level: either(values.level, 'SNAPHOOK_LEVEL'),
    outcome: parseOutcome(either(values.outcome, 'SNAPHOOK_OUTCOME')),
    vms: vms.length > 0 ? vms : splitList(env.SNAPHOOK_VMS),
    configFile: either(values.config, 'SNAPHOOK_CONFIG'),
    onOpenRun: parseOnOpenRun(values['on-open-run']),
    limitSeconds: parseSeconds('--limit-seconds', either(values['limit-seconds'], 'SNAPHOOK_LIMIT_SECONDS')),
    logFile: either(values.log, 'SNAPHOOK_LOG'),
    json: values.json ?? false,
    debug: values.debug ?? false,
    help: values.help ?? false,
    words: end < 0 ? [] : argv.slice(end + 1),
  };
}

/** What `readHookOptions` takes for the integration, also where it would find something wrong with the other options. */
export function integrationWord(argv: readonly string[], env: NodeJS.ProcessEnv): string {
  const { values } = parseArgs({ args: [...argv], options: OPTIONS, strict: false });
  const word = typeof values.integration === 'string' ? values.integration : undefined;
  return word || env.SNAPHOOK_INTEGRATION || DEFAULT_INTEGRATION;
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new SnaphookError('E_USAGE', lowerFirst(messageOf(error)), {
      hint: 'Run the hook with --help to see its options. What a product adds by itself belongs behind `--`.',
    });
  }
}

function parseOnOpenRun(text: string | undefined): OnOpenRun | undefined {
  const known = ON_OPEN_RUN.find((choice) => choice === text);
  if (!text || known) return known;
  throw new SnaphookError('E_USAGE', `--on-open-run "${text}" is unknown`, { hint: `Use ${ON_OPEN_RUN.join(', ')}.` });
}

function parseOutcome(text: string | undefined): Outcome | undefined {
  const known = OUTCOMES.find((choice) => choice === text);
  if (!text || known) return known;
  throw new SnaphookError('E_USAGE', `--outcome "${text}" is unknown`, { hint: `Use ${OUTCOMES.join(' or ')}.` });
}

/** How long a product waits, as `option` has it. Errors: `E_USAGE`. */
export function parseSeconds(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,7}$/.test(text)) return Number(text);
  throw new SnaphookError('E_USAGE', `${option} "${text}" is not a whole number of seconds`, {
    hint: 'Give the seconds that the product waits for the hook, or 0.',
  });
}

const splitList = (text: string | undefined): readonly string[] =>
  (text ?? '')
    .split(/[,\n]/)
    .map((part) => part.trim())
    .filter((part) => part !== '');

const messageOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : 'unreadable options';

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
