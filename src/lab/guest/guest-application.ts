import { setImmediate as nextTurn, setTimeout as sleepFor } from 'node:timers/promises';
import type { BlockDevice } from '../devices/block-device.ts';
import {
  ACCOUNTS,
  createSchema,
  KEPT_TRANSACTIONS,
  SETTINGS,
  TRANSFERS_PER_TRANSACTION,
  transferChecksum,
} from './application-schema.ts';
import { openSqlite, type SqliteDatabase, type SqlStatement, type SqlValue } from './sqlite-database.ts';
import type { WriteHold } from './write-hold.ts';

export interface ApplicationOptions {
  readonly database: BlockDevice;
  readonly journal: BlockDevice;
  readonly hold: WriteHold;
  /** Real pause after each transfer, inside the transaction; 0 keeps one core busy. Default 5. */
  readonly transferPauseMs?: number;
  /** The workload broke down, which a healthy lab never sees. */
  readonly onFailure?: (error: unknown) => void;
}

/** A transaction the application answered for: it must be in every later copy. */
export interface Acknowledgement {
  readonly transaction: number;
  /** Monotonic milliseconds (`performance.now()`). */
  readonly atMs: number;
}

const KEPT_ACKNOWLEDGEMENTS = 10_000;

interface Statements {
  readonly begin: SqlStatement;
  readonly commit: SqlStatement;
  readonly add: SqlStatement;
  readonly note: SqlStatement;
  readonly progress: SqlStatement;
  readonly prune: SqlStatement;
}

/** The application in the guest: a SQLite database that never stops committing, on two disks. */
export class GuestApplication {
  readonly #options: ApplicationOptions;
  readonly #sqlite: SqliteDatabase;
  readonly #statements: Statements;
  readonly #acknowledgements: Acknowledgement[] = [];
  #last: number;
  #logTruncatedTo = 0;
  #quiesced = false;
  #stopping = false;
  #inTransaction = false;
  #loop: Promise<void> | undefined;
  #failure: unknown;
  /** Woken when the state a waiter looks at may have changed. */
  #waiters: (() => void)[] = [];

  private constructor(options: ApplicationOptions, sqlite: SqliteDatabase, statements: Statements, last: number) {
    this.#options = options;
    this.#sqlite = sqlite;
    this.#statements = statements;
    this.#last = last;
  }

  /** Opens what lies on the devices, recovering it if need be, or creates it. */
  static async open(options: ApplicationOptions): Promise<GuestApplication> {
    const sqlite = await openSqlite(options.database, options.journal);
    await sqlite.exec(SETTINGS);
    const tables = await sqlite.query("SELECT 1 FROM sqlite_master WHERE name = 'progress'");
    if (tables.length === 0) await createSchema(sqlite);
    const last = Number((await sqlite.query('SELECT last_transaction FROM progress'))[0]?.[0]);
    const statements: Statements = {
      begin: await sqlite.prepare('BEGIN IMMEDIATE'),
      commit: await sqlite.prepare('COMMIT'),
      add: await sqlite.prepare('UPDATE account SET balance = balance + ? WHERE id = ?'),
      note: await sqlite.prepare('INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?)'),
      progress: await sqlite.prepare('UPDATE progress SET last_transaction = ?'),
      prune: await sqlite.prepare('DELETE FROM ledger WHERE id < ?'),
    };
    return new GuestApplication(options, sqlite, statements, last);
  }

  /** Starts the endless workload. */
  start(): void {
    if (this.#loop !== undefined) return;
    this.#stopping = false;
    this.#loop = this.#work().catch((error: unknown) => {
      this.#failure = error;
      this.#options.onFailure?.(error);
      this.#wake();
    });
  }

  /** Ends the workload after the running transaction. Waits for a hold to be released. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wake();
    await this.#loop;
    this.#loop = undefined;
    this.#throwFailure();
  }

  async close(): Promise<void> {
    await this.stop();
    await this.#sqlite.close();
  }

  /** The last transaction the application answered for; 0 before the first. */
  get lastAcknowledged(): number {
    return this.#last;
  }

  get inTransaction(): boolean {
    return this.#inTransaction;
  }

  /** The newest ones, oldest first. */
  get acknowledgements(): readonly Acknowledgement[] {
    this.#throwFailure();
    return this.#acknowledgements;
  }

  /** Holds new transactions back and resolves when the running one has committed. */
  async quiesce(): Promise<void> {
    this.#quiesced = true;
    while (this.#inTransaction && this.#quiesced && this.#failure === undefined) await this.#changed();
    this.#throwFailure();
  }

  /** The first transaction that its log still holds: what a restore of an older backup can be brought forward from. */
  get logBegin(): number {
    return this.#logTruncatedTo + 1;
  }

  logPosition(): number {
    return this.#last;
  }

  truncateLog(position: number): void {
    this.#logTruncatedTo = Math.max(this.#logTruncatedTo, position);
  }

  resume(): void {
    this.#quiesced = false;
    this.#wake();
  }

  async #work(): Promise<void> {
    while (!this.#stopping) {
      if (this.#quiesced) {
        await this.#changed();
        continue;
      }
      this.#inTransaction = true;
      await this.#transaction(this.#last + 1);
      this.#inTransaction = false;
      this.#wake();
      await nextTurn();
    }
  }

  async #transaction(transaction: number): Promise<void> {
    const { begin, commit, add, note, progress, prune } = this.#statements;
    await this.#run(begin);
    for (let line = 0; line < TRANSFERS_PER_TRANSACTION; line += 1) {
      const debit = randomBelow(ACCOUNTS) + 1;
      const credit = ((debit + randomBelow(ACCOUNTS - 1)) % ACCOUNTS) + 1;
      const amount = randomBelow(50) + 1;
      const id = transaction * TRANSFERS_PER_TRANSACTION + line;
      const checksum = transferChecksum(id, { transaction, debit, credit, amount });
      await this.#run(add, [-amount, debit]);
      await this.#run(add, [amount, credit]);
      await this.#run(note, [id, transaction, debit, credit, amount, checksum]);
      await this.#pause();
    }
    await this.#run(prune, [(transaction - KEPT_TRANSACTIONS + 1) * TRANSFERS_PER_TRANSACTION]);
    await this.#run(progress, [transaction]);
    await this.#run(commit);
    this.#last = transaction;
    this.#acknowledgements.push({ transaction, atMs: performance.now() });
    if (this.#acknowledgements.length > KEPT_ACKNOWLEDGEMENTS) this.#acknowledgements.shift();
  }

  async #run(statement: SqlStatement, parameters: readonly SqlValue[] = []): Promise<void> {
    const devices = [this.#options.database, this.#options.journal];
    await nextTurn();
    while (devices.some((device) => this.#options.hold.holds(device))) await this.#options.hold.whenWritable(devices);
    await statement.run(parameters);
  }

  /** Think time; an application asked to quiesce or stop hurries instead. */
  async #pause(): Promise<void> {
    const pauseMs = this.#options.transferPauseMs ?? 5;
    if (pauseMs > 0 && !this.#quiesced && !this.#stopping) await sleepFor(pauseMs);
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}

function randomBelow(limit: number): number {
  return Math.floor(Math.random() * limit);
}
