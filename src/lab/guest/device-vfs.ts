import * as SQLite from 'wa-sqlite';
import type { BlockDevice } from '../devices/block-device.ts';
import { DeviceFile, MemoryFile, type RandomAccessFile } from './device-file.ts';

export const DATABASE_NAME = 'app.db';
const JOURNAL_NAME = `${DATABASE_NAME}-journal`;

/** SQLite's file layer on two devices: the database on one, its rollback journal on the other. */
export class DeviceVfs implements SQLiteVFS {
  readonly name = 'lab-devices';
  readonly mxPathName = 64;
  readonly #files: ReadonlyMap<string, DeviceFile>;
  readonly #open = new Map<number, RandomAccessFile>();

  constructor(database: BlockDevice, journal: BlockDevice) {
    this.#files = new Map([
      [DATABASE_NAME, new DeviceFile(database)],
      [JOURNAL_NAME, new DeviceFile(journal)],
    ]);
  }

  xOpen(name: string | null, fileId: number, flags: number, flagsOut: DataView): number {
    const file = name === null ? new MemoryFile() : this.#files.get(name);
    if (file === undefined) return SQLite.SQLITE_CANTOPEN;
    if (file instanceof DeviceFile && !file.exists) {
      if ((flags & SQLite.SQLITE_OPEN_CREATE) === 0) return SQLite.SQLITE_CANTOPEN;
      file.create();
    }
    this.#open.set(fileId, file);
    flagsOut.setInt32(0, flags, true);
    return SQLite.SQLITE_OK;
  }

  xClose(fileId: number): number {
    this.#open.delete(fileId);
    return SQLite.SQLITE_OK;
  }

  xRead(fileId: number, into: Uint8Array, offset: number): number {
    return this.#file(fileId).read(into, offset) === into.length ? SQLite.SQLITE_OK : SQLite.SQLITE_IOERR_SHORT_READ;
  }

  xWrite(fileId: number, data: Uint8Array, offset: number): number {
    this.#file(fileId).write(data, offset);
    return SQLite.SQLITE_OK;
  }

  xTruncate(fileId: number, size: number): number {
    this.#file(fileId).truncate(size);
    return SQLite.SQLITE_OK;
  }

  xFileSize(fileId: number, sizeOut: DataView): number {
    sizeOut.setBigInt64(0, BigInt(this.#file(fileId).size), true);
    return SQLite.SQLITE_OK;
  }

  xDelete(name: string): number {
    this.#files.get(name)?.delete();
    return SQLite.SQLITE_OK;
  }

  xAccess(name: string, _flags: number, resultOut: DataView): number {
    resultOut.setInt32(0, this.#files.get(name)?.exists ? 1 : 0, true);
    return SQLite.SQLITE_OK;
  }

  xSync(): number {
    return SQLite.SQLITE_OK;
  }

  xLock(): number {
    return SQLite.SQLITE_OK;
  }

  xUnlock(): number {
    return SQLite.SQLITE_OK;
  }

  xCheckReservedLock(_fileId: number, resultOut: DataView): number {
    resultOut.setInt32(0, 0, true);
    return SQLite.SQLITE_OK;
  }

  xFileControl(): number {
    return SQLite.SQLITE_NOTFOUND;
  }

  xSectorSize(): number {
    return 512;
  }

  xDeviceCharacteristics(): number {
    return 0;
  }

  #file(fileId: number): RandomAccessFile {
    const file = this.#open.get(fileId);
    if (file === undefined) throw new Error(`SQLite used file ${fileId}, which is not open`);
    return file;
  }
}
