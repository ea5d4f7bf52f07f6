import type { BlockDevice } from '../devices/block-device.ts';
import {
  ACCOUNTS,
  KEPT_TRANSACTIONS,
  OPENING_BALANCE,
  TRANSFERS_PER_TRANSACTION,
  transferChecksum,
} from './application-schema.ts';
import { DeviceFile } from './device-file.ts';
import { fileBlockDevice } from './file-block-device.ts';
import { overlayDevice } from './overlay-device.ts';
import { openSqlite, type SqliteDatabase } from './sqlite-database.ts';

/** What a copy of the application's two disks is worth, found out by opening it with a real SQLite. */
export interface DatabaseCheck {
  /** A journal lies beside the database: a transaction was open. SQLite rolls it back; an application-consistent copy has none. */
  readonly hotJournal: boolean;
  /** `ok`, or what SQLite complains about. */
  readonly integrity: string;
  /** No money appeared or vanished. */
  readonly sumInvariant: boolean;
  /** Whole transactions only, without a gap, every row's checksum right, the newest one the one noted as last. */
  readonly ledgerConsistent: boolean;
  /** Number of the last committed transaction; absent when it cannot be read. */
  readonly lastTransaction: number | undefined;
}

/** Opens database and journal, devices or paths of images. What SQLite writes while recovering stays in memory. */
export async function checkDatabase(
  database: BlockDevice | string,
  journal: BlockDevice | string,
): Promise<DatabaseCheck> {
  const opened: { close(): void }[] = [];
  const deviceOf = (source: BlockDevice | string): BlockDevice => {
    if (typeof source !== 'string') return source;
    const device = fileBlockDevice(source);
    opened.push(device);
    return device;
  };
  try {
    return await check(overlayDevice(deviceOf(database)), overlayDevice(deviceOf(journal)));
  } finally {
    for (const device of opened) device.close();
  }
}

/** True when the copy is good: whatever was open at that instant, recovery brings back a consistent database. */
export function isConsistent(result: DatabaseCheck): boolean {
  return result.integrity === 'ok' && result.sumInvariant && result.ledgerConsistent;
}

async function check(database: BlockDevice, journal: BlockDevice): Promise<DatabaseCheck> {
  const journalFile = new DeviceFile(journal);
  const hotJournal = journalFile.exists && journalFile.size > 0;
  const broken = { hotJournal, sumInvariant: false, ledgerConsistent: false, lastTransaction: undefined };
  if (!new DeviceFile(database).exists) return { ...broken, integrity: 'no database on this device' };
  let sqlite: SqliteDatabase | undefined;
  try {
    sqlite = await openSqlite(database, journal);
    const complaints = await sqlite.query('PRAGMA integrity_check');
    const integrity = complaints.map((row) => String(row[0])).join('\n');
    const lastTransaction = Number((await sqlite.query('SELECT last_transaction FROM progress'))[0]?.[0]);
    const [accounts, sum] = (await sqlite.query('SELECT count(*), sum(balance) FROM account'))[0] ?? [];
    const ledgerConsistent = await isLedgerConsistent(sqlite, lastTransaction);
    const sumInvariant = accounts === ACCOUNTS && sum === ACCOUNTS * OPENING_BALANCE;
    return { hotJournal, integrity, sumInvariant, ledgerConsistent, lastTransaction };
  } catch (error) {
    return { ...broken, integrity: error instanceof Error ? error.message : String(error) };
  } finally {
    // A corrupt database may refuse even to close; the whole SQLite instance goes away with it.
    await sqlite?.close().catch(() => undefined);
  }
}

async function isLedgerConsistent(sqlite: SqliteDatabase, lastTransaction: number): Promise<boolean> {
  const rows = await sqlite.query(
    'SELECT id, transaction_number, debit, credit, amount, checksum FROM ledger ORDER BY id',
  );
  const first = Math.max(1, lastTransaction - KEPT_TRANSACTIONS + 1);
  if (rows.length !== (lastTransaction - first + 1) * TRANSFERS_PER_TRANSACTION) return false;
  return rows.every((row, index) => {
    const [id, transaction, debit, credit, amount] = row.slice(0, 5).map(Number);
    if (id === undefined || transaction === undefined) return false;
    if (debit === undefined || credit === undefined || amount === undefined) return false;
    const expectedId = first * TRANSFERS_PER_TRANSACTION + index;
    const expectedTransaction = first + Math.floor(index / TRANSFERS_PER_TRANSACTION);
    if (id !== expectedId || transaction !== expectedTransaction) return false;
    return row[5] === transferChecksum(id, { transaction, debit, credit, amount });
  });
}
