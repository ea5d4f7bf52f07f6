import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { InstallItem } from '../../../integrations/contract.ts';

/** A program `snaphook` in a folder, for products that are told a path. */
export function snaphookIn(folder: string): string {
  const file = path.join(folder, 'snaphook');
  writeFileSync(
    file,
    `#!/bin/sh\nexec '${process.execPath}' '${path.join(__dirname, '../../../dist/snaphook.cjs')}' "$@"\n`,
  );
  chmodSync(file, 0o755);
  return file;
}

/** The files that are installed, below a folder in place of /; their paths there. */
export function writeFilesBelow(folder: string, items: readonly InstallItem[]): readonly string[] {
  return items.flatMap((item) => {
    if (item.kind !== 'file') return [];
    const file = path.join(folder, item.path);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, item.content, { mode: item.mode });
    return [file];
  });
}

/** One process of a product that runs commands of its configuration by a shell, one after the other. */
export interface ShellingProduct {
  /** Exit code, and both outputs, which such products read from one pipe. */
  run(command: string, env?: Readonly<Record<string, string>>): Promise<{ exitCode: number; output: string }>;
  end(): void;
}

export function startShellingProduct(): ShellingProduct {
  // Each line is a command; a shell of its own runs it, with this process as its parent.
  const loop = 'while IFS= read -r line; do /bin/sh -c "$line" </dev/null; echo "[ended with $?]"; done 2>&1';
  const child = spawn('/bin/sh', ['-c', loop], { stdio: ['pipe', 'pipe', 'ignore'], cwd: '/' });
  let output = '';
  let onOutput = (): void => undefined;
  child.stdout.on('data', (chunk) => {
    output += chunk;
    onOutput();
  });
  return {
    run: (command, env = {}) =>
      new Promise((resolve) => {
        output = '';
        onOutput = () => {
          const end = /\[ended with (\d+)\]\n$/.exec(output);
          if (end) resolve({ exitCode: Number(end[1]), output: output.slice(0, end.index) });
        };
        const variables = Object.entries(env).map(([name, value]) => `${name}='${value}' `);
        child.stdin.write(`${variables.length > 0 ? `export ${variables.join('')}; ` : ''}${command}\n`);
      }),
    end: () => child.stdin.end(),
  };
}
