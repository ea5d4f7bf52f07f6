import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { networker } from '../../../integrations/networker/integration.ts';
import { networkerSave } from '../../../integrations/networker/save-command.ts';
import { describeIntegration } from '../../contract/integration.ts';

describe('savepnpc', () => {
  describeIntegration(networker, [{ title: 'before the group', call: { phase: 'pre' }, means: { phase: 'pre' } }], {
    group: 'Nightly',
    timeout: '24 hours',
  });

  test.each(['linux', 'windows'] as const)(
    'on %s a job that would end a value of the resource file early is refused',
    (system) => {
      const request = {
        program: '/usr/bin/snaphook',
        configFile: undefined,
        settings: { group: 'G', timeout: '1 hour' },
      };

      expect(() => networker.installation.items({ ...request, system, job: 'a";pstcmd: "rm' })).toThrow(
        expect.objectContaining({ code: 'E_USAGE' }),
      );
    },
  );
});

describe('backup command', () => {
  const SAVE_WORDS = [
    '-s',
    'nw1',
    '-g',
    'Nightly',
    '-LL',
    '-m',
    'proxy',
    '-c',
    'sql01',
    '-l',
    'incr',
    '-q',
    '-N',
    '/vm',
    '/vm',
  ];
  describeIntegration(
    networkerSave,
    [
      {
        title: 'the words of save tell client and level',
        call: { phase: 'pre', words: SAVE_WORDS },
        means: { phase: 'pre', instance: 'sql01', level: 'incremental' },
      },
      {
        title: 'levels by number save what changed since a lower one',
        call: { phase: 'post', words: ['-l', '5'] },
        means: { phase: 'post', instance: undefined, level: 'differential' },
      },
      {
        title: 'an option without a value is none',
        call: { phase: 'pre', words: ['-c', '-l', 'full', '-l'] },
        means: { phase: 'pre', instance: undefined, level: 'full' },
      },
    ],
    { folder: '/usr/sbin' },
  );

  test.each([
    ['all is well', { pre: 0, save: 0, post: 0 }, 'pre save post', 0],
    ['the hook before it fails: nothing is saved', { pre: 14, save: 0, post: 0 }, 'pre', 14],
    ['save fails: the hook after it comes all the same', { pre: 0, save: 3, post: 0 }, 'pre save post', 3],
    ['the hook after it fails', { pre: 0, save: 0, post: 20 }, 'pre save post', 20],
  ])('%s', (_title, exits, called, exitCode) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'nsr-'));
    const log = path.join(folder, 'log');
    const program = (name: string, text: string) => {
      writeFileSync(path.join(folder, name), `#!/bin/sh\n${text}\n`);
      chmodSync(path.join(folder, name), 0o755);
    };
    program('snaphook', `echo $2 >>'${log}'; [ $2 = pre ] && exit ${exits.pre}; exit ${exits.post}`);
    program('save', `echo save >>'${log}'; exit ${exits.save}`);
    const [file] = networkerSave.installation.items({
      job: 'nightly',
      program: path.join(folder, 'snaphook'),
      system: 'linux',
      configFile: undefined,
      settings: { folder },
    });
    if (file?.kind !== 'file') throw new Error('no file');
    program('nsrsnaphook-nightly', file.content);
    const status = (() => {
      try {
        execFileSync(file.path, SAVE_WORDS);
        return 0;
      } catch (error) {
        return typeof error === 'object' && error !== null && 'status' in error ? error.status : error;
      }
    })();

    expect(status).toBe(exitCode);
    expect(readFileSync(log, 'utf8').trim().split('\n').join(' ')).toBe(called);
  });
});
