import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { must, newFolder } from './stage.ts';

/** Programs that count their calls, and kill who started them after one of these. */
export function deadlyPrograms(killAt: number) {
  const bin = newFolder('bin');
  const count = path.join(bin, 'count');
  writeFileSync(count, '0');
  for (const name of ['losetup', 'mount', 'umount']) {
    const real = must('which', [name]);
    const lines = [
      '#!/bin/sh',
      `count=$(($(cat ${count}) + 1))`,
      `echo $count > ${count}`,
      `${real} "$@"`,
      'code=$?',
      `test $count != ${killAt} || kill -9 $PPID`,
      'exit $code',
    ];
    writeFileSync(path.join(bin, name), `${lines.join('\n')}\n`);
    chmodSync(path.join(bin, name), 0o755);
  }
  return { PATH: `${bin}:${process.env.PATH}` };
}
