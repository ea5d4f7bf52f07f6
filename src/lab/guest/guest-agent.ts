/** A process as VMware Tools lists it. */
export interface AgentProcess {
  readonly pid: number;
  readonly name: string;
  readonly owner: string;
  readonly cmdLine: string;
  readonly startTime: Date;
  readonly endTime?: Date;
  readonly exitCode?: number;
}

/** What the guest answers instead, by the name of the API's fault. */
export class AgentFault extends Error {
  readonly type:
    | 'GuestPermissionDenied'
    | 'FileNotFound'
    | 'FileAlreadyExists'
    | 'CannotAccessFile'
    | 'DirectoryNotEmpty'
    | 'GuestProcessNotFound';
  /** Path of a file, or a process id. */
  readonly about: string;

  constructor(type: AgentFault['type'], about: string) {
    super(`${type}: ${about}`);
    this.type = type;
    this.about = about;
  }
}

/** What VMware Tools does inside one guest. Who may call it was checked before; every call waits as long as the guest makes it wait. */
export interface GuestAgent {
  readonly family: 'linux' | 'windows';
  /** Whether the operating system takes the account. */
  takes(username: string, password: string): boolean;
  /** Resolves when VMware Tools gets to work: it may itself wait for a file system that stands still. */
  atWork(): Promise<void>;
  /** Resolves with a process id. @throws AgentFault */
  start(program: { readonly path: string; readonly arguments: string }, username: string): Promise<number>;
  /** Of processes that ended in the last five minutes too; all of them without a list. */
  processes(pids: readonly number[]): readonly AgentProcess[];
  terminate(pid: number): void;
  /** `parent` empty: where this guest has temporary files. */
  makeTemporaryFolder(parent: string, prefix: string, suffix: string): Promise<string>;
  makeFolder(path: string, withParents: boolean): Promise<void>;
  deleteFolder(path: string, withContent: boolean): Promise<void>;
  readFile(path: string): Buffer;
  /** Resolves when it is written, which on a file system that stands still is after its thaw. */
  writeFile(path: string, content: Buffer, overwrite: boolean): Promise<void>;
  deleteFile(path: string): Promise<void>;
}
