import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const environment = { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin`, LC_ALL: 'C' } };

/** What the superblock of an image of ext4 says, and whether its structures are sound without a replay. */
export async function checkExt4(image: string): Promise<{ needsRecovery: boolean; checkExitCode: number }> {
  const { stdout } = await run('dumpe2fs', ['-h', image], environment);
  expect(stdout).toMatch(/^Filesystem features:.* extent/m);
  const checkExitCode = await run('e2fsck', ['-f', '-n', image], environment).then(
    () => 0,
    (error: { code: number }) => error.code,
  );
  return { needsRecovery: /^Filesystem features:.* needs_recovery/m.test(stdout), checkExitCode };
}

/** A file in an image of ext4, read without mounting it. */
export async function readFromExt4(image: string, file: string): Promise<Buffer> {
  return (await run('debugfs', ['-R', `cat ${file}`, image], { ...environment, encoding: 'buffer' })).stdout;
}
