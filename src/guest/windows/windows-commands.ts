export interface GuestProgram {
  /** With its folder, as in `C:\Program Files\snaphook\snaphook-vss.exe`. */
  readonly path: string;
  /** Each reaches the program as it stands here, whatever is in it. */
  readonly arguments: readonly string[];
  /** Its standard input; it ends after this. */
  readonly input?: Buffer;
}

export interface ProgramResult {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** Programs run in a Windows guest, and files brought to it, over one warm session. One call after the other. */
export interface WindowsCommands {
  /** Runs a program to its end. @throws what the way to the guest throws; a program that fails tells so by its exit code. */
  run(program: GuestProgram, signal: AbortSignal): Promise<ProgramResult>;
  /**
   * Brings a file to the guest, whole or not at all: it gets its name only after its SHA-256 was right in the guest. A file
   * of that name is replaced; missing folders are made.
   */
  upload(file: { readonly path: string; readonly content: Buffer }, signal: AbortSignal): Promise<void>;
  /** What a crash would leave behind besides what the programs do: for `WindowsAccess.endLeftover`. Absent: nothing. */
  readonly resume?: Readonly<Record<string, string>>;
  /** Ends the session in the guest, best effort. */
  close(): Promise<void>;
}
