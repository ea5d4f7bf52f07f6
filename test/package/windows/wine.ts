import { spawn } from 'node:child_process';
import { closeSync, copyFileSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { type PowerShellProgram, startPowerShellProgram } from '../../../src/lab/proxy/windows/powershell-program.ts';
import { WindowsMachine } from '../../../src/lab/proxy/windows/windows-machine.ts';
import { openSite, type Site } from '../../lab/main-job/site.ts';
import { type Ended, RELEASE } from '../release.ts';

/** A path of this system, as programs under Wine name it. */
export const winePath = (file: string) => `Z:${file.replaceAll('/', '\\')}`;

/** The lab, with a Windows machine as its proxy on which the release runs under Wine. */
export interface WineSite {
  readonly site: Site;
  /** Where the programs of the release lie. */
  readonly folder: string;
  /** Runs a program to its end. */
  run(program: string, ...words: readonly string[]): Promise<Ended>;
  /** Types a line at the prompt of cmd.exe, which ends with the exit code of what it called. */
  typeIn(line: string): Promise<Ended>;
  close(): Promise<void>;
}

export async function openWineSite(): Promise<WineSite> {
  const folder = mkdtempSync(path.join(tmpdir(), 'windows-'));
  for (const name of ['snaphook', 'pre-backup', 'post-backup'])
    copyFileSync(path.join(RELEASE, 'snaphook.exe'), path.join(folder, `${name}.exe`));
  const site = await openSite();
  const machine = new WindowsMachine(path.join(site.lab.directory, 'proxy', 'by-id'));
  const powerShell = await startPowerShellProgram(machine, 0);
  usePowerShell(site.lab.configFile);
  return {
    site,
    folder,
    run: (program, ...words) => underWine(folder, powerShell, [program, ...words]),
    typeIn: (line) => underWine(folder, powerShell, ['cmd', '/q'], `${line}\r\nexit %ERRORLEVEL%\r\n`),
    async close() {
      await powerShell.close();
      await site.close();
    },
  };
}

function usePowerShell(configFile: string): void {
  const config = parse(readFileSync(configFile, 'utf8'));
  config.proxy.powershell = winePath(process.env.SNAPHOOK_POWERSHELL ?? '');
  writeFileSync(configFile, stringify(config));
}

/** Output goes to files: Wine gives Node no pipes of Linux. */
async function underWine(
  folder: string,
  powerShell: PowerShellProgram,
  words: readonly string[],
  typed = '',
): Promise<Ended> {
  const input = path.join(folder, 'stdin');
  writeFileSync(input, typed);
  const stdin = openSync(input, 'r');
  const files = ['stdout', 'stderr'].map((name) => path.join(folder, name));
  const outputs = files.map((file) => openSync(file, 'w'));
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  const child = spawn('wine', words, {
    cwd: folder,
    env: { ...env, SNAPHOOK_POWERSHELL_PORT: String(powerShell.port) },
    stdio: [stdin, ...outputs],
  });
  const exitCode = await new Promise<number | null>((resolve) => child.once('close', resolve));
  for (const file of [stdin, ...outputs]) closeSync(file);
  const [stdout = '', stderr = ''] = files.map((file) => readFileSync(file, 'utf8'));
  return { exitCode, stdout, stderr };
}
