import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { productExit } from '../../../hooks/run-hook.ts';
import { integrationNamed, integrationNames } from '../../../integrations/catalogue.ts';
import type { Integration } from '../../../integrations/contract.ts';
import { EXIT } from '../../../src/cli/exit-codes.ts';
import { ACCOUNTS } from '../../../src/lab/site-config.ts';
import { start, until } from '../impatient-products/product.ts';
import { openSite } from '../main-job/site.ts';

const PROGRAM = [process.execPath, path.join(__dirname, '../../../dist/snaphook.cjs')];
const folder = mkdtempSync(path.join(os.tmpdir(), 'snaphook-conditions-'));

/** As the harshest of products would: an empty environment, no stdin, a mask that takes all rights, a working directory that is gone. */
const harshly = (hookWords: readonly string[]) =>
  start([
    '/bin/sh',
    '-c',
    'gone=$(mktemp -d) && cd "$gone" && rmdir "$gone" && umask 0777 && exec /usr/bin/env -i "$@" <&-',
    'sh',
    ...PROGRAM,
    ...hookWords,
  ]).ended;

/** What the call without any word or variable of the product ends with: it means nothing, or there is no configuration. */
function expectedExit(integration: Integration): number {
  try {
    const { phase } = integration.read({ phase: 'pre', words: [], env: {} });
    return phase === 'none' ? EXIT.ok : productExit(integration, phase, EXIT.config);
  } catch {
    return productExit(integration, 'pre', EXIT.usage);
  }
}

const failing = (name: string, log: string) => ['hook', 'pre', '--integration', name, '--job', 'x', '--log', log];

test.each(integrationNames())(
  'a hook of %s, called harshly, says why it failed where the product lets it, ends with an exit code of the product, and says nothing on stdout',
  async (name) => {
    const integration = await integrationNamed(name);
    const log = path.join(folder, `${name}.log`);

    const { exitCode, stdout, stderr } = await harshly([...failing(name, log), '--config', '/nowhere.yaml']);

    const expected = expectedExit(integration);
    expect([exitCode, stdout]).toEqual([expected, '']);
    if (expected === EXIT.ok) return;
    expect(stderr).toMatch(integration.stderr === 'silent' ? /^$/ : /\[E_(CONFIG|USAGE)\]/);
    expect(readFileSync(log, 'utf8')).toMatch(/\[E_(CONFIG|USAGE)\]/);
    expect(statSync(log).mode & 0o777).toBe(0o600);
  },
);

test.each(integrationNames())('--json of %s puts nothing on a stdout that the product reads', async (name) => {
  const { stdout: kind } = await integrationNamed(name);
  const { exitCode, stdout } = await start([...PROGRAM, ...failing(name, path.join(folder, 'json.log')), '--json'], {
    env: { KOPIA_ACTION: 'before-snapshot-root', DUPLICATI__EVENTNAME: 'BEFORE', DUPLICATI__OPERATIONNAME: 'Backup' },
  }).ended;

  if (exitCode === EXIT.ok) return;
  if (kind === 'result') expect(JSON.parse(stdout)).toMatchObject({ ok: false });
  else expect(stdout).toBe('');
});

test('options that are wrong are told in the numbers of the product: what is usage to us would let Duplicati go on', async () => {
  const { exitCode, stdout } = await harshly([...failing('duplicati', path.join(folder, 'log')), '--surplus']);

  expect([exitCode, stdout]).toEqual([5, '']);
});

test('a run with an odd name, called harshly, goes through and leaves files that their owner can open', async () => {
  const site = await openSite({ estate: { disks: 1 } });
  try {
    const job = 'Täglich / "SQL" $(reboot) %p';
    const config = parse(readFileSync(site.lab.configFile, 'utf8'));
    config.jobs = { [job]: config.jobs.nightly };
    writeFileSync(site.lab.configFile, stringify(config));
    const words = [`--job=${job}`, '--config', site.lab.configFile];

    const pre = await harshly(['hook', 'pre', ...words]);

    expect([pre.exitCode, pre.stderr]).toEqual([0, expect.not.stringContaining(' error ')]);
    for (const directory of ['export', 'state']) {
      const place = path.join(site.lab.directory, directory);
      for (const file of readdirSync(place, { recursive: true, encoding: 'utf8' }))
        expect([file, statSync(path.join(place, file)).mode & 0o600]).toEqual([file, 0o600]);
    }
    expect(existsSync(path.join(site.lab.directory, 'export/nightly/snaphook-manifest.json'))).toBe(true);
    expect((await harshly(['hook', 'post', ...words])).exitCode).toBe(0);
    expect(site.leftBehind()).toEqual([]);
  } finally {
    await site.close();
  }
});

test.each([
  ['a low descriptor', '7>"$0"'],
  ['high descriptors', '200>"$0" 251>"$0"'],
  // Node puts others in the place of the second one only; there is no number left by which that could be done for the last.
  ['a descriptor below the last one there may be', '200>"$0"; ulimit -n 300; exec 299>/dev/null'],
])('what a hook starts, and what that leaves running, gets nothing of the product by %s', async (_which, opened) => {
  const site = await openSite({ estate: { disks: 1 } });
  try {
    const told = path.join(folder, 'descriptors');
    const lasting = path.join(folder, 'descriptors of what stays');
    const program = path.join(folder, 'secret.sh');
    const { password } = ACCOUNTS.vcenter;
    // What stays is asked when its parent has gone.
    const lines = [
      `readlink /proc/$$/fd/* >"${told}"`,
      `setsid sh -c 'while [ -e "/proc/$0" ]; do sleep 0.05; done; readlink /proc/$$/fd/* >"$1"' $$ "${lasting}" &`,
      `echo ${password}`,
    ];
    writeFileSync(program, ['#!/bin/sh', ...lines, ''].join('\n'), { mode: 0o700 });
    const config = parse(readFileSync(site.lab.configFile, 'utf8'));
    config.vcenter.password = `exec:${program}`;
    writeFileSync(site.lab.configFile, stringify(config));
    const kept = path.join(folder, 'of the product');
    writeFileSync(kept, '');
    const words = ['hook', 'pre', '--integration', 'generic', '--job=nightly', '--config', site.lab.configFile];

    const { exitCode } = await start(['bash', '-c', `exec ${opened} "$@"`, kept, ...PROGRAM, ...words]).ended;
    await until(() => existsSync(lasting) && readFileSync(lasting, 'utf8') !== '');

    expect(exitCode).toBe(0);
    expect(readFileSync(told, 'utf8')).toContain(program);
    for (const file of [told, lasting]) expect(readFileSync(file, 'utf8')).not.toContain(kept);
    expect((await harshly(['hook', 'post', '--job=nightly', '--config', site.lab.configFile])).exitCode).toBe(0);
  } finally {
    await site.close();
  }
});
