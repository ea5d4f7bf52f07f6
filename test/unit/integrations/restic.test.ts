import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { restic } from '../../../integrations/restic/integration.ts';
import { describeIntegration } from '../../contract/integration.ts';

describeIntegration(restic, [
  { title: 'before restic', call: { phase: 'pre' }, means: { phase: 'pre' } },
  { title: 'after restic', call: { phase: 'post' }, means: { phase: 'post' } },
]);

/** The script beside a snaphook and a restic that write down their calls and end as told. */
function wrapper(exits: { pre: number; restic: number; post: number }) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'snaphook-restic-'));
  const calls = path.join(folder, 'calls');
  const program = (name: string, lines: readonly string[]) => {
    const file = path.join(folder, name);
    writeFileSync(file, ['#!/bin/sh', `printf '%s\\n' "${name} $*" >> '${calls}'`, ...lines, ''].join('\n'));
    chmodSync(file, 0o755);
    return file;
  };
  const snaphook = program('snaphook', [`case $2 in pre) exit ${exits.pre};; post) exit ${exits.post};; esac`]);
  program('restic', [`exit ${exits.restic}`]);
  const [script] = restic.installation.items({
    job: 'nightly-sql',
    program: snaphook,
    system: 'linux',
    configFile: undefined,
    settings: {},
  });
  writeFileSync(path.join(folder, 'wrapper'), script?.kind === 'file' ? script.content : '');
  let exitCode = 0;
  try {
    const env = { PATH: `${folder}:${process.env.PATH}` };
    execFileSync('/bin/sh', [path.join(folder, 'wrapper'), 'backup', 'a b', ''], { env });
  } catch (error) {
    exitCode = Number((error as { status: number }).status); // what execFileSync throws for a program that ran
  }
  const lines = readFileSync(calls, 'utf8').trimEnd().split('\n');
  const ids = lines.flatMap((line) => / --run-id (\S+)$/.exec(line)?.[1] ?? []);
  return {
    exitCode,
    calls: lines.map((line) =>
      line
        .split(' ')
        .slice(0, line.startsWith('snaphook') ? 3 : 9)
        .join(' '),
    ),
    ids,
  };
}

test('the post hook follows whatever happened, with the id of the pre hook, and the exit code is that of restic', () => {
  const all = ['snaphook hook pre', 'restic backup a b ', 'snaphook hook post'];

  expect(wrapper({ pre: 0, restic: 0, post: 0 })).toMatchObject({ exitCode: 0, calls: all });
  expect(wrapper({ pre: 0, restic: 3, post: 0 })).toMatchObject({ exitCode: 3, calls: all });
  expect(wrapper({ pre: 0, restic: 3, post: 20 })).toMatchObject({ exitCode: 3, calls: all });
  expect(wrapper({ pre: 0, restic: 0, post: 20 })).toMatchObject({ exitCode: 20, calls: all });
  const { ids } = wrapper({ pre: 0, restic: 0, post: 0 });
  expect(ids).toEqual([ids[0], ids[0]]);
});

test('restic does not run when the pre hook fails', () => {
  expect(wrapper({ pre: 14, restic: 0, post: 0 })).toMatchObject({
    exitCode: 14,
    calls: ['snaphook hook pre', 'snaphook hook post'],
  });
});
