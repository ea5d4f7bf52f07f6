import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** The loop devices whose file lies in the folder. */
export function leftLoops(folder) {
  return readdirSync('/sys/block').filter((name) => {
    const backing = `/sys/block/${name}/loop/backing_file`;
    return existsSync(backing) && readFileSync(backing, 'utf8').startsWith(`${folder}/`);
  });
}
