import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { helperCommand } from '../../../src/guest/linux/helper-lines.ts';

const HELPER = '/usr/local/sbin/snaphook-freeze';
const settings = { helperPath: HELPER, sudo: true };
const page = readFileSync(path.join(__dirname, '../../../docs/linux-freeze-helper.md'), 'utf8');
const script = /```sh\n(#!\/bin\/sh\n# snaphook asks for:[^`]*)```/.exec(page)?.[1] ?? '';

/** Runs the page's forced command as sshd would, with a sudo that prints what it was asked for. */
function ask(commandLine: string): { readonly status: number | null; readonly ran: string } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'snaphook-forced-'));
  const put = (name: string, text: string) => {
    writeFileSync(path.join(folder, name), text);
    chmodSync(path.join(folder, name), 0o755);
  };
  put('snaphook-only', script);
  put('sudo', `#!/bin/sh\nprintf %s "$*"\n`);
  const { status, stdout } = spawnSync(path.join(folder, 'snaphook-only'), {
    env: { PATH: `${folder}:${process.env.PATH}`, SSH_ORIGINAL_COMMAND: commandLine },
    encoding: 'utf8',
  });
  return { status, ran: stdout.trim() };
}

const onUnix = process.platform === 'win32' ? test.skip : test;

onUnix.each([
  [['serve'], `-n -- ${HELPER} serve`],
  [['release', 'b00t-1d', 't0ken'], `-n -- ${HELPER} release b00t-1d t0ken`],
])('the forced command of the page lets through what snaphook asks for: %p', (words, ran) => {
  expect(ask(helperCommand(settings, words))).toEqual({ status: 0, ran });
});

onUnix.each([
  'id',
  `sudo -n -- '/bin/sh' 'serve'`,
  `sudo -n -- '${HELPER}' 'serve' '--scripts' '/opt/quiet'`,
  `sudo -n -- '${HELPER}' 'serve'; id`,
  `${HELPER} $(id)`,
  '',
])('the forced command of the page refuses %p', (commandLine) => {
  expect(ask(commandLine)).toEqual({ status: 126, ran: '' });
});
