import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';

const jobRecordSchema = z.object({
  id: z.string(),
  arrayId: z.string(),
  name: z.string(),
  user: z.string(),
  status: z.enum(['SCHEDULED', 'VALIDATING', 'RUNNING', 'SUCCEEDED', 'FAILED']),
  scheduledMs: z.number(),
  modifiedMs: z.number(),
  completedMs: z.number().optional(),
  /** What it did: one description each. */
  tasks: z.array(z.string()).readonly(),
  resourceLink: z.string().optional(),
  links: z.array(z.unknown()).readonly().optional(),
  result: z.string().optional(),
});

/** A job as Unisphere remembers it. */
export type JobRecord = z.infer<typeof jobRecordSchema>;

/** The jobs of one Unisphere on disk: they outlive the lab, as a real server's outlive its clients. */
export class JobFile {
  readonly #file: string;

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    this.#file = path.join(folder, 'jobs.json');
  }

  /** Oldest first. A damaged file is an error, never an empty history. */
  load(): JobRecord[] {
    if (!existsSync(this.#file)) return [];
    try {
      return z.array(jobRecordSchema).parse(JSON.parse(readFileSync(this.#file, 'utf8')));
    } catch (error) {
      throw new Error(`the lab's job file "${this.#file}" is damaged`, { cause: error });
    }
  }

  save(jobs: readonly JobRecord[]): void {
    const next = `${this.#file}.new`;
    writeFileSync(next, JSON.stringify(jobs), { mode: 0o600 });
    renameSync(next, this.#file);
  }
}
