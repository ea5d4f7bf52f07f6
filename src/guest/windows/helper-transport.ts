/**
 * The VSS helper in a guest and a way to it that is warm from the preparation to the end: its input and output, and its end.
 * What it says goes to the `HelperFacts` the transport was made with, and so does the news that it or the way to it has ended.
 */
export interface HelperTransport {
  /**
   * Opens what is needed between freeze and thaw and starts `helperPath serve`. `onSession` is awaited as soon as something
   * exists that a crash would leave behind in the guest; its record is what ends it later. After an error `dispose` cleans up.
   */
  start(
    helperPath: string,
    onSession: (resume: Readonly<Record<string, string>>) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>;
  /** Is the way to the helper's input open? */
  readonly canSend: boolean;
  /**
   * A freeze is what comes next: whatever tells of a guest that stands still waits in it when this resolves. Absent: the helper's output
   * itself tells.
   */
  expectFreeze?(signal: AbortSignal): Promise<void>;
  /** Uses an idle way before servers and firewalls drop it. Absent: a question to the helper does that. */
  keepWarm?(): Promise<void>;
  /** Sends on the open way or not at all: nothing is opened. */
  send(data: Buffer): Promise<void>;
  /** Sends by any means, on a new connection when the open one is broken, or still owes an answer after the grace time. */
  sendUrgently(data: Buffer, graceMs: number): Promise<void>;
  /** Hears the helper on a new connection, when the old one broke or is silent. */
  receiveAgain(): Promise<void>;
  /** Ends the session in the guest and with it the helper. Resolves when the guest confirmed it. */
  endShell(): Promise<void>;
  /** Ends helper and session, best effort, and closes all connections. */
  dispose(signal: AbortSignal): Promise<void>;
}
