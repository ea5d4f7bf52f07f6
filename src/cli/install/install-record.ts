import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import { systemErrorCode } from '../../platform/system-error.ts';
import { SnaphookError } from '../../ports/errors.ts';

const recordSchema = z.strictObject({
  version: z.literal(1),
  integration: z.string(),
  job: z.string(),
  files: z.array(z.strictObject({ path: z.string(), sha256: z.string() })),
});

/** What was installed for one job and product, so that nothing else is ever changed or taken away. */
export type InstallRecord = z.infer<typeof recordSchema>;

export const sha256Of = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');

/** Records of what `snaphook install` wrote, in the state directory. */
export class InstallRecords {
  private readonly folder: string;

  constructor(stateDirectory: string) {
    this.folder = path.join(stateDirectory, 'installed');
  }

  /** Undefined: nothing was installed. Errors: `E_CONFIG` for a record that cannot be read. */
  read(integration: string, job: string): InstallRecord | undefined {
    const file = this.fileOf(integration, job);
    try {
      return recordSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return undefined;
      throw new SnaphookError('E_CONFIG', `the record "${file}" of what was installed cannot be read`, {
        hint: 'Move it aside; what was installed is then taken for somebody else’s and has to be removed by hand.',
        cause: error,
      });
    }
  }

  write(record: InstallRecord): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o750 });
    const file = this.fileOf(record.integration, record.job);
    writeFileSync(`${file}.new`, `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o640, flush: true });
    renameSync(`${file}.new`, file);
  }

  remove(integration: string, job: string): void {
    rmSync(this.fileOf(integration, job), { force: true });
  }

  /** Job names are data: no name leads out of the folder, and none is another's. */
  private fileOf(integration: string, job: string): string {
    return path.join(this.folder, `${integration}-${sha256Of(job).slice(0, 16)}.json`);
  }
}
