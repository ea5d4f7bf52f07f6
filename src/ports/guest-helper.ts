/** One file of a helper, or of its application plug-ins, as a release has it. */
export interface HelperFile {
  /** Below the folder of its kind of guest, such as `plug-ins/postgresql.exe`. */
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
  /**
   * Brings the files where they differ, those of the named application plug-ins, too, and registers the helper in any case. Resolves
   * when the guest runs what was brought. Errors: `E_CONFIG` for a plug-in that the release does not have.
   */
  install(
    files: HelperFiles,
    plugIns: readonly string[],
    signal: AbortSignal,
  ): Promise<{ readonly status: HelperStatus; readonly brought: readonly string[] }>;
  /**
   * Takes registration and files away, and the application plug-ins that are byte for byte those of `files`. False: there was no
   * helper, and then nothing is taken away.
   */
  uninstall(files: HelperFiles | undefined, signal: AbortSignal): Promise<boolean>;
  /** What the helper finds out about its guest without freezing anything. */
  selfTest(signal: AbortSignal): Promise<readonly HelperCheck[]>;
}
