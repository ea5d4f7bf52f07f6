import { kopia } from '../../../integrations/kopia/integration.ts';
import { describeIntegration } from '../../contract/integration.ts';

const settings = { source: '/vm/sql01', limitSeconds: '1800' };
const env = {
  KOPIA_ACTION: 'before-snapshot-root',
  KOPIA_SNAPSHOT_ID: '0b1f6e2a9c3d4e5f',
  KOPIA_SOURCE_PATH: '/vm/sql01',
  KOPIA_SNAPSHOT_PATH: '/vm/sql01',
  KOPIA_VERSION: '0.17.0',
};
const told = { runId: '0b1f6e2a9c3d4e5f', instance: '/vm/sql01' };

describeIntegration(
  kopia,
  [
    { title: 'before', call: { env }, means: { phase: 'pre', ...told } },
    {
      title: 'after, whose path is the one that the pre hook printed',
      call: { env: { ...env, KOPIA_ACTION: 'after-snapshot-root', KOPIA_SNAPSHOT_PATH: '/backup/sql' } },
      means: { phase: 'post', ...told },
    },
    {
      title: 'a source with an odd name, and nothing else',
      call: {
        env: { KOPIA_ACTION: 'before-snapshot-root', KOPIA_SOURCE_PATH: '/vm/Täglich "a b"', KOPIA_SNAPSHOT_ID: '' },
      },
      means: { phase: 'pre', instance: '/vm/Täglich "a b"' },
    },
  ],
  settings,
);

test.each([undefined, '', 'before-folder', 'toString'])('another action (%j) is refused', (action) => {
  expect(() => kopia.read({ phase: 'pre', words: [], env: { KOPIA_ACTION: action } })).toThrow(
    expect.objectContaining({ code: 'E_USAGE' }),
  );
});

test('stdout is the one line that Kopia reads', () => {
  const { stdout } = kopia;
  const run = { directory: '/backup/my sql', manifest: 'x', runId: 'x' };

  expect(typeof stdout === 'function' && stdout(run, { phase: 'pre' })).toBe('KOPIA_SNAPSHOT_PATH=/backup/my sql\n');
});

test('one script without words serves both actions, and both sides have the same limit', () => {
  const items = kopia.installation.items({
    job: 'nightly-sql',
    program: '/usr/bin/snaphook',
    system: 'linux',
    configFile: '/etc/my snaphook.yaml',
    settings,
  });

  expect(items).toMatchObject([
    {
      path: '/etc/snaphook/hooks/kopia-nightly-sql',
      mode: 0o755,
      owner: 'root',
      content:
        "#!/bin/sh\nexec /usr/bin/snaphook hook --integration=kopia --job=nightly-sql '--config=/etc/my snaphook.yaml' --limit-seconds=1800\n",
    },
    {
      text: 'kopia policy set /vm/sql01 --before-snapshot-root-action=/etc/snaphook/hooks/kopia-nightly-sql --after-snapshot-root-action=/etc/snaphook/hooks/kopia-nightly-sql --action-command-mode=essential --action-command-timeout=1800s\n',
    },
    { kind: 'step' },
  ]);
});
