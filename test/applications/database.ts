import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { until } from '../freeze/until.ts';

/** A server with its data and its log on two disks. */
export interface DatabaseFolders {
  readonly data: string;
  readonly log: string;
}

/** What the tests need of one kind of database. */
export interface DatabaseKind {
  /** Also of its plug-in. */
  readonly name: string;
  /** Makes an empty database in folders that are not there yet. */
  create(folders: DatabaseFolders): void;
  /** Lets a copy find its log, which lies elsewhere than that of the original. */
  move(folders: DatabaseFolders): void;
  /** Starts a server; recovery is part of that. */
  start(folders: DatabaseFolders): ChildProcess;
  /** Its files are as a crash leaves them. */
  readonly stopSignal: NodeJS.Signals;
  /** Lines of the settings of its plug-in, for the server on these folders. */
  settings(folders: DatabaseFolders): readonly string[];
  /** What a client answers to statements; undefined when it fails. */
  ask(folders: DatabaseFolders, sql: string): string | undefined;
  /** A client that executes what comes in line by line. */
  openClient(folders: DatabaseFolders): ChildProcess;
  /** A line for that client: one transaction with two rows of that number, which prints it when it is committed. */
  transaction(number: number): string;
  /** Makes what the tables below are in. */
  readonly namespace: string;
  /** Asks how many sessions a plug-in has with it that hold something. */
  readonly sessionsOfPlugIn: string;
  /** Puts rows into `test.bulk` that a recovery has to write again. */
  readonly bulk: string;
}

const ANSWER_MS = 40_000;

/** What the writer writes to, and what makes a recovery long. */
export const TABLES = [
  'CREATE TABLE test.one (i bigint PRIMARY KEY)',
  'CREATE TABLE test.other (i bigint PRIMARY KEY)',
  'CREATE TABLE test.bulk (t text)',
];

/** A running server. */
export class Server {
  readonly kind: DatabaseKind;
  readonly folders: DatabaseFolders;
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  #said = '';

  private constructor(kind: DatabaseKind, folders: DatabaseFolders) {
    this.kind = kind;
    this.folders = folders;
    this.#process = kind.start(folders);
    this.#ended = once(this.#process, 'exit');
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-4000);
    });
  }

  /** Resolves when it answers. */
  static async start(kind: DatabaseKind, folders: DatabaseFolders): Promise<Server> {
    const server = new Server(kind, folders);
    const isOver = () => kind.ask(folders, 'SELECT 1') !== undefined || server.#process.exitCode !== null;
    if (!(await until(isOver, ANSWER_MS)) || server.#process.exitCode !== null)
      throw new Error(`${kind.name} does not start: ${server.#said}`);
    return server;
  }

  makeTables(): void {
    for (const sql of [this.kind.namespace, ...TABLES]) this.ask(sql);
  }

  ask(sql: string): string {
    const answer = this.kind.ask(this.folders, sql);
    if (answer === undefined) throw new Error(`${this.kind.name} does not answer: ${sql}. ${this.#said}`);
    return answer;
  }

  async stop(): Promise<void> {
    this.#process.kill(this.kind.stopSignal);
    await this.#ended;
  }
}

/** Commits one transaction after the other, each when the one before was acknowledged. */
export class Writer {
  readonly #client: ChildProcess;
  #acknowledged = 0;

  /** With tables that are empty. */
  constructor(client: ChildProcess, transaction: DatabaseKind['transaction']) {
    this.#client = client;
    const { stdin, stdout } = client;
    if (!stdin || !stdout) throw new Error('the client has no pipes');
    stdin.on('error', () => {});
    createInterface({ input: stdout }).on('line', (line) => {
      if (Number(line) !== this.#acknowledged + 1) return;
      this.#acknowledged += 1;
      stdin.write(transaction(this.#acknowledged + 1));
    });
    stdin.write(transaction(this.#acknowledged + 1));
  }

  /** The number of the last transaction that the server has acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** False when it does not commit `more` within the time. */
  commits(more: number, limitMs = 15_000): Promise<boolean> {
    const goal = this.#acknowledged + more;
    return until(() => this.#acknowledged >= goal, limitMs);
  }

  async stop(): Promise<void> {
    const ended = once(this.#client, 'exit');
    this.#client.kill('SIGKILL');
    await ended;
  }
}

/** What a writer leaves: transactions without a gap, each with both of its rows. All that were acknowledged are there. */
export async function expectEveryCommit(
  ask: (sql: string) => string | Promise<string>,
  acknowledged: number,
): Promise<void> {
  const numbers = async (sql: string) => (await ask(sql)).split(/[|\t]/).map(Number);
  const [first = 0, last = 0, rows = 0] = await numbers('SELECT min(i), max(i), count(*) FROM test.one');
  const [otherLast, otherRows] = await numbers('SELECT max(i), count(*) FROM test.other');
  expect({ first, rows, otherLast, otherRows }).toEqual({ first: 1, rows: last, otherLast: last, otherRows: last });
  expect(last).toBeGreaterThanOrEqual(acknowledged);
  // One more may have been committed without anybody having been told.
  expect(last).toBeLessThanOrEqual(acknowledged + 1);
}
