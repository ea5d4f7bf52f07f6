import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { restic } from '../../../integrations/restic/integration.ts';
import { describeIntegration } from '../../contract/integration.ts';

describeIntegration(restic, [
  { title: 'before restic', call: { phase: 'pre' }, means: { phase: 'pre' } },
  { title: 'after restic', call: { phase: 'post' }, means: { phase: 'post' } },
]);

/** A folder with the script, beside a snaphook and a restic that write down their calls before these lines. */
function prepared(snaphookLines: readonly string[], resticLines: readonly string[]) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'snaphook-restic-'));
  const calls = path.join(folder, 'calls');
  writeFileSync(calls, '');
  const program = (name: string, lines: readonly string[]) => {
    const file = path.join(folder, name);
    writeFileSync(file, ['#!/bin/sh', `printf '%s\\n' "${name} $*" >> '${calls}'`, ...lines, ''].join('\n'));
    chmodSync(file, 0o755);
    return file;
  };
  program('restic', resticLines);
  const [script] = restic.installation.items({
    job: 'nightly-sql',
    program: program('snaphook', snaphookLines),
    system: 'linux',
    configFile: undefined,
    settings: {},
  });
  const file = path.join(folder, 'wrapper');
  writeFileSync(file, script?.kind === 'file' ? script.content : '');
  const child = spawn('/bin/sh', [file, 'backup', 'a b', ''], { env: { PATH: `${folder}:${process.env.PATH}` } });
  const ended = new Promise((resolve) => child.once('close', (code) => resolve(code)));
  return { child, ended, calls: () => readFileSync(calls, 'utf8').trimEnd().split('\n') };
}

/** Without the options of a hook, behind its phase. */
const wordsOf = (call: string) => (call.startsWith('snaphook') ? call.split(' ').slice(0, 3).join(' ') : call);

async function wrapper(exits: { pre: number; restic: number; post: number }) {
  const { ended, calls } = prepared(
    [`case $2 in pre) exit ${exits.pre};; post) exit ${exits.post};; esac`],
    [`exit ${exits.restic}`],
  );
  const exitCode = await ended;
  const ids = calls().flatMap((line) => / --run-id (\S+)$/.exec(line)?.[1] ?? []);
  return { exitCode, calls: calls().map(wordsOf), ids };
}

test('the post hook follows whatever happened, with the id of the pre hook, and the exit code is that of restic', async () => {
  const all = ['snaphook hook pre', 'restic backup a b ', 'snaphook hook post'];

  expect(await wrapper({ pre: 0, restic: 0, post: 0 })).toMatchObject({ exitCode: 0, calls: all });
  expect(await wrapper({ pre: 0, restic: 3, post: 0 })).toMatchObject({ exitCode: 3, calls: all });
  expect(await wrapper({ pre: 0, restic: 3, post: 20 })).toMatchObject({ exitCode: 3, calls: all });
  expect(await wrapper({ pre: 0, restic: 0, post: 20 })).toMatchObject({ exitCode: 20, calls: all });
  const { ids } = await wrapper({ pre: 0, restic: 0, post: 0 });
  expect(ids).toEqual([ids[0], ids[0]]);
});

test('restic does not run when the pre hook fails', async () => {
  expect(await wrapper({ pre: 14, restic: 0, post: 0 })).toMatchObject({
    exitCode: 14,
    calls: ['snaphook hook pre', 'snaphook hook post'],
  });
});

test.each([
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)(
  '%s to the script lets restic end in order, then comes the post hook, and the script ends with %d',
  async (signal, exitCode) => {
    const { child, ended, calls } = prepared(
      [],
      // Unlike a shell, it can listen to a signal that it was started to ignore; so can restic.
      [
        `exec '${process.execPath}' -e "process.on('SIGINT', () => { console.log('interrupted'); process.exit(130); }); setInterval(() => 0, 1000); console.log('at work');"`,
      ],
    );
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
      if (output === 'at work\n') child.kill(signal);
    });

    expect(await ended).toBe(exitCode);
    expect(output).toBe('at work\ninterrupted\n');
    expect(calls().map(wordsOf)).toEqual(['snaphook hook pre', 'restic backup a b ', 'snaphook hook post']);
  },
);
