/** One file of a helper, as a release has it. */
export interface HelperFile {
  readonly name: string;
  readonly content: Buffer;
}

/** The files of the helper for one kind of guest, such as `windows-x64`. Errors: `E_CONFIG` when there are none. */
export type HelperFiles = (kind: string) => Promise<readonly HelperFile[]>;

export interface HelperStatus {
  /** As the guest names it, such as `AMD64`. */
  readonly architecture: string;
  readonly path: string;
  /** What the program says of itself; undefined: it is not there. */
  readonly version: string | undefined;
  /** Whether its files are byte for byte those of this release; undefined: there is nothing to compare them with. */
  readonly isOurs: boolean | undefined;
}

export interface HelperCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/**
 * The helper of one guest as a program that is installed and looked at. Nothing is frozen.
 * Errors: `E_GUEST_*`, `E_TLS_UNTRUSTED`, `E_SECRET`.
 */
export interface GuestHelper {
  /** For people, such as `https://10.0.0.7:5986/wsman`. */
  readonly endpoint: string;
  readonly username: string;
  /** `files` undefined: nothing to compare with. */
  status(files: HelperFiles | undefined, signal: AbortSignal): Promise<HelperStatus>;
  /** Brings the files where they differ, and registers them in any case. Resolves when the guest runs what was brought. */
  install(
    files: HelperFiles,
    signal: AbortSignal,
  ): Promise<{ readonly status: HelperStatus; readonly brought: readonly string[] }>;
  /** Takes registration and files away. False: there was nothing. */
  uninstall(signal: AbortSignal): Promise<boolean>;
  /** What the helper finds out about its guest without freezing anything. */
  selfTest(signal: AbortSignal): Promise<readonly HelperCheck[]>;
}
