import { createHash } from 'node:crypto';
import type { SqliteDatabase } from './sqlite-database.ts';

/** The application: money moves between accounts, 25 transfers a transaction, each noted in a ledger. */
export const ACCOUNTS = 400;
export const OPENING_BALANCE = 1000;
export const TRANSFERS_PER_TRANSACTION = 25;
/** Older transactions are pruned, so that the database stops growing. */
export const KEPT_TRANSACTIONS = 100;

/** Small pages and a tiny cache: transactions spill into the database file long before they commit. */
export const SETTINGS = `
  PRAGMA page_size = 1024;
  PRAGMA journal_mode = DELETE;
  PRAGMA synchronous = FULL;
  PRAGMA temp_store = MEMORY;
  PRAGMA cache_size = 10;
`;

export async function createSchema(database: SqliteDatabase): Promise<void> {
  await database.exec(`
    BEGIN;
    CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL, note BLOB NOT NULL);
    CREATE TABLE ledger (
      id INTEGER PRIMARY KEY, transaction_number INTEGER NOT NULL, debit INTEGER NOT NULL, credit INTEGER NOT NULL,
      amount INTEGER NOT NULL, checksum TEXT NOT NULL);
    CREATE INDEX ledger_by_debit ON ledger (debit);
    CREATE TABLE progress (last_transaction INTEGER NOT NULL);
    INSERT INTO progress VALUES (0);
    WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ${ACCOUNTS})
      INSERT INTO account SELECT n, ${OPENING_BALANCE}, zeroblob(100) FROM number;
    COMMIT;
  `);
}

export interface Transfer {
  readonly transaction: number;
  readonly debit: number;
  readonly credit: number;
  readonly amount: number;
}

export function transferChecksum(id: number, transfer: Transfer): string {
  const { transaction, debit, credit, amount } = transfer;
  return createHash('sha256').update(`${id}|${transaction}|${debit}|${credit}|${amount}`).digest('hex').slice(0, 16);
}
