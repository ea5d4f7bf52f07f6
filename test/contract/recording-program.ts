import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** A program in the place of snaphook that records the words of each of its calls, whatever is in them. */
export interface RecordingProgram {
  readonly path: string;
  /** Runs a script for /bin/sh with an empty environment, as root would, and returns what it called the program with. */
  callsOf(script: string): readonly (readonly string[])[];
}

const END_OF_CALL = '\u0001\u0002';

export function recordingProgram(): RecordingProgram {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'snaphook-recorded-'));
  const [program, record] = ['snaphook', 'calls'].map((name) => path.join(folder, name)) as [string, string];
  writeFileSync(program, `#!/bin/sh\nprintf '%s\\0' "$@" '${END_OF_CALL}' >>'${record}'\n`, { mode: 0o755 });
  return {
    path: program,
    callsOf(script) {
      rmSync(record, { force: true });
      writeFileSync(record, '');
      const file = path.join(folder, 'script');
      writeFileSync(file, script.replaceAll('$(id -u)', '0'), { mode: 0o755 });
      spawnSync(file, ['pre', '/', '/'], { env: {}, cwd: '/', stdio: 'ignore' });
      const calls = readFileSync(record, 'utf8').split(`${END_OF_CALL}\0`).slice(0, -1);
      return calls.map((words) => words.split('\0').slice(0, -1));
    },
  };
}
