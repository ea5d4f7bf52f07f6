import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type ArrayConfig, arrayConfigSchema, type InitialArrayConfig } from './array-config.ts';

/** The configuration of one array on disk: it outlives the lab, as an array outlives its clients. */
export class ConfigFile {
  readonly #file: string;

  constructor(folder: string, arrayId: string) {
    mkdirSync(folder, { recursive: true });
    this.#file = path.join(folder, `${arrayId}.config.json`);
  }

  /** What an earlier lab left, else `initial`. A damaged file is an error, never an empty array. */
  load(initial: InitialArrayConfig): ArrayConfig {
    if (!existsSync(this.#file)) return arrayConfigSchema.parse(initial);
    try {
      return arrayConfigSchema.parse(JSON.parse(readFileSync(this.#file, 'utf8')));
    } catch (error) {
      throw new Error(`the lab array's configuration file "${this.#file}" is damaged`, { cause: error });
    }
  }

  save(config: ArrayConfig): void {
    const next = `${this.#file}.new`;
    writeFileSync(next, JSON.stringify(config), { mode: 0o600 });
    renameSync(next, this.#file);
  }
}
