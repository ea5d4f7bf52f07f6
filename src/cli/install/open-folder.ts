import { chmodSync, mkdirSync } from 'node:fs';
import path from 'node:path';

/** Makes the folder and those above it that are missing: all may enter them, whatever the umask is. Those that are there stay as they are. */
export function makeOpenFolder(folder: string): void {
  const first = mkdirSync(folder, { recursive: true, mode: 0o755 });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = path.dirname(made)) chmodSync(made, 0o755);
}
