import { chmodSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { prepared } from '../freeze/stage.ts';

/** Of the stage's own /etc. */
const ETC = '/etc/snaphook';
export const PLUG_INS = `${ETC}/plug-ins.d`;

/** Puts a plug-in where the helper finds it, as the only one, with the lines of its settings. */
export function installPlugIn(name: string, settings: readonly string[]): string {
  removePlugIns();
  for (const folder of [ETC, PLUG_INS, `${ETC}/applications`]) {
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o755);
  }
  const program = path.join(PLUG_INS, name);
  copyFileSync(path.join(prepared('PLUG_INS_FOLDER'), name), program);
  chmodSync(program, 0o755);
  writeFileSync(settingsOf(name), settings.map((line) => `${line}\n`).join(''), { mode: 0o600 });
  return program;
}

export const settingsOf = (name: string): string => `${ETC}/applications/${name}.conf`;

export function removePlugIns(): void {
  rmSync(PLUG_INS, { recursive: true, force: true });
}
