/** What a hook is asked to do. `check`: a preview, which changes nothing. `list`: print what was handed over. `none`: nothing at all. */
export type HookPhase = 'pre' | 'post' | 'check' | 'list' | 'none';

/** How the product's own backup ended, as far as it tells a post hook. */
export type BackupOutcome = 'ok' | 'warning' | 'failed' | 'cancelled' | 'unknown';

/**
 * How a product finds what an incremental or differential backup has to save. `by-time`: what is newer than the start of a backup before,
 * by its clock, so that it misses what changed between the snapshot and that start. `by-comparison`: what differs from what it saved.
 */
export type Incrementals = 'by-time' | 'by-comparison';

/** How a hook program was called, before anybody knows what the words mean. */
export interface RawCall {
  /** Undefined: one program serves all phases, and the product's own words tell which. */
  readonly phase: 'pre' | 'post' | 'list' | undefined;
  /** What the product itself puts behind `--` on the command line of the hook. */
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * What a product told. Everything may be missing but the phase: options of the hook (`--job`, `--run-id` and the others) and the
 * `SNAPHOOK_` variables win over it, in this order.
 */
export interface ProductCall {
  readonly phase: HookPhase;
  readonly job?: string | undefined;
  /** Which of several servers, clients, streams of the product calls. */
  readonly instance?: string | undefined;
  /** The product's own id of its run. The same id in another pre hook means: it tries that run again. */
  readonly runId?: string | undefined;
  /** Which try of the run with this id it is, from 1, where the product counts them. */
  readonly attempt?: number | undefined;
  /** `full`, `incremental`, `differential`, `log`, or the product's own word where it is not known to mean one of these. */
  readonly level?: string | undefined;
  /** Where `member` is there: VMs that the run has to have; which ones it takes, the job says. */
  readonly vms?: readonly string[] | undefined;
  /** Where the call says more than is known of the product: a setting of its job that no product shows to hooks. */
  readonly incrementals?: Incrementals | undefined;
  /**
   * The product calls several times for one run of its own, at once or one after the other, and this is one of these calls: they share
   * one run of the job. `name`: the same in its pre and its post hook, and another one for each call. `of`: how many calls there are, where
   * the product tells.
   */
  readonly member?: { readonly name: string; readonly of?: number | undefined } | undefined;
  readonly outcome?: BackupOutcome | undefined;
  /**
   * One run of the product makes several pre calls: what an earlier one of the same run id handed over goes on serving, and nothing is done.
   * Absent: the product tries that run again, and the earlier try is over.
   */
  readonly goesOn?: boolean | undefined;
  /** For the phase `none`: printed to stdout as it is. For others, where `stdout` of the integration takes it: what the call wants to hear. */
  readonly answer?: string | undefined;
  /** The product reads the exit code from this file, which it named. */
  readonly resultFile?: string | undefined;
}

/** A run that was handed over: what a product may have to be told about it. */
export interface HandedOver {
  /** Where everything lies that the product is to read. */
  readonly directory: string;
  readonly manifest: string;
  readonly runId: string;
}

/** Exit codes by what they mean to the product; all others are the product's "failed". */
export interface ProductExits {
  /** The pre hook handed over with a grade below the one asked for. Most products know no such thing: 0 then, the log tells. */
  readonly degraded: number;
  /** A post hook found nothing to clean up. */
  readonly nothingToDo: number;
  /** `own`: our own exit code goes through, as the product only tells zero from others. */
  readonly failed: number | 'own';
}

/** Which calls a product can be relied on to make. When in doubt: the cautious answer. */
export interface Guarantees {
  readonly postAfterFailedPre: boolean;
  readonly postAfterFailedBackup: boolean;
  readonly postAfterCancel: boolean;
  /** A second hook of the job may be called while the first one still works. */
  readonly mayOverlap: boolean;
  /** A repeated try has the id of the first one. */
  readonly sameIdOnRetry: boolean;
}

/** The cautious answers: for a product of which nothing better is known. */
export const NOTHING_PROMISED: Guarantees = {
  postAfterFailedPre: false,
  postAfterFailedBackup: false,
  postAfterCancel: false,
  mayOverlap: true,
  sameIdOnRetry: false,
};

/**
 * How one backup product calls hooks: the whole of what the product has to be known for. Facts and what is not confirmed about them are
 * in the README of the integration.
 */
export interface Integration {
  readonly name: string;
  /** As its maker writes it. */
  readonly title: string;
  /** How the product writes the name of a job into its calls, where that is not as it is. */
  readonly writtenJobName?: (name: string) => string;
  /** What the product's words and variables mean. Errors: `E_USAGE`, when they are not those of the product. */
  read(call: RawCall): ProductCall;
  /** What a pre hook that handed over prints to stdout. `result`: the text or JSON of `snaphook pre`; `silent`: stdout is not ours. */
  readonly stdout: 'result' | 'silent' | ((run: HandedOver, call: ProductCall) => string);
  /** What a preview prints to stdout, which is told where a run would hand over; undefined: nothing, or the plan where `stdout` is `result`. */
  readonly previewStdout?: (directory: string) => string;
  /**
   * What may go to stderr. `log`: everything. `reason`: only why the hook failed, as the product shows the first line of it. `silent`:
   * nothing, as the product takes it for data or for a warning. What may not go there is in the log file alone.
   */
  readonly stderr: 'log' | 'reason' | 'silent';
  readonly exits: ProductExits;
  /** How long the product waits for a pre hook if its administrator changes nothing; undefined: as long as it takes. */
  readonly limitSeconds: number | undefined;
  readonly guarantees: Guarantees;
  /** As the product does it by default; undefined: unknown, or it has none. */
  readonly incrementals: Incrementals | undefined;
  /** Its post call can say that the backup is stored (`outcome`: `ok`). Absent: it never does. */
  readonly tellsOutcome?: true;
  readonly installation: InstallGuide;
}

/** What `snaphook install` is told. */
export interface InstallRequest {
  readonly job: string;
  /** Absolute path of the snaphook program. */
  readonly program: string;
  readonly system: 'linux' | 'windows';
  /** Undefined: the default one. */
  readonly configFile: string | undefined;
  /** By the names in `InstallGuide.settings`; all those that are needed are there. */
  readonly settings: Readonly<Record<string, string>>;
}

/** One piece of setting a product up. */
export type InstallItem =
  /** Written by `install` as it is, taken away by `uninstall`. `owner`: user that has to own it; undefined: whoever installs. */
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly mode: number;
      readonly owner?: string;
      /** With the line ends of the product's system. */
      readonly content: string;
    }
  /** What an administrator adds to a configuration himself; `where` says to what. */
  | { readonly kind: 'lines'; readonly where: string; readonly text: string }
  /** What is to be done in the product, such as raising a limit. */
  | { readonly kind: 'step'; readonly text: string };

/** How a product is set up to call hooks. */
export interface InstallGuide {
  /** What has to be known about the product's job: policy, schedule, folder. `fallback` undefined: it has to be given. */
  readonly settings: readonly { readonly name: string; readonly meaning: string; readonly fallback?: string }[];
  /** Errors: `E_USAGE` for values that the product cannot take, such as a space where it cuts words at spaces. */
  items(request: InstallRequest): readonly InstallItem[];
}
