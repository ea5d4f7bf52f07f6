import * as SQLite from 'wa-sqlite';
import SQLiteESMFactory from 'wa-sqlite/dist/wa-sqlite.mjs';
import wasmBytes from 'wa-sqlite/dist/wa-sqlite.wasm';
import type { BlockDevice } from '../devices/block-device.ts';
import { DATABASE_NAME, DeviceVfs } from './device-vfs.ts';

export type SqlValue = number | string | Uint8Array | readonly number[] | bigint | null;

/** One prepared statement. */
export interface SqlStatement {
  /**
   * Runs to the end; all reads and writes of devices happen before this call returns its promise,
   * so a caller that checks a condition and calls in one go cannot be overtaken.
   */
  run(parameters?: readonly SqlValue[]): Promise<readonly (readonly SqlValue[])[]>;
}

export interface SqliteDatabase {
  /** Statements without results, one after the other. */
  exec(sql: string): Promise<void>;
  query(sql: string): Promise<readonly (readonly SqlValue[])[]>;
  prepare(sql: string): Promise<SqlStatement>;
  close(): Promise<void>;
}

/** Opens (or creates) the database on two devices with a SQLite of its own: a corrupt one cannot disturb another. */
export async function openSqlite(database: BlockDevice, journal: BlockDevice): Promise<SqliteDatabase> {
  const module: unknown = await SQLiteESMFactory({ wasmBinary: wasmBytes });
  const sqlite = SQLite.Factory(module);
  const vfs = new DeviceVfs(database, journal);
  sqlite.vfs_register(vfs, true);
  const handle = await sqlite.open_v2(
    DATABASE_NAME,
    SQLite.SQLITE_OPEN_READWRITE | SQLite.SQLITE_OPEN_CREATE,
    vfs.name,
  );
  const statements: number[] = [];

  const prepare = async (sql: string): Promise<SqlStatement> => {
    const text = sqlite.str_new(handle, sql);
    try {
      const prepared = await sqlite.prepare_v2(handle, sqlite.str_value(text));
      if (prepared === null) throw new Error(`no statement in: ${sql}`);
      statements.push(prepared.stmt);
      return { run: (parameters = []) => run(prepared.stmt, parameters) };
    } finally {
      sqlite.str_finish(text);
    }
  };

  const run = async (statement: number, parameters: readonly SqlValue[]) => {
    sqlite.bind_collection(statement, [...parameters] as SQLiteCompatibleType[]); // same union, but mutable arrays
    try {
      const rows: SqlValue[][] = [];
      while ((await sqlite.step(statement)) === SQLite.SQLITE_ROW) rows.push(sqlite.row(statement));
      return rows;
    } finally {
      await sqlite.reset(statement);
    }
  };

  return {
    exec: async (sql) => {
      await sqlite.exec(handle, sql);
    },
    query: async (sql) => {
      const rows: SqlValue[][] = [];
      await sqlite.exec(handle, sql, (row) => rows.push(row));
      return rows;
    },
    prepare,
    close: async () => {
      for (const statement of statements) await sqlite.finalize(statement);
      await sqlite.close(handle);
    },
  };
}
