import { QuiesceError, VmwareTools } from '../../../src/lab/guest/vmware-tools.ts';

const scripted = (names: readonly string[], failing?: string) => {
  const told: string[] = [];
  const tools = new VmwareTools(async (backupType) => {
    told.push(`still ${backupType}`);
    return async () => void told.push('go on');
  });
  tools.scripts = names.map((name) => ({
    name,
    run: async (phase) => {
      told.push(`${name} ${phase}`);
      return name === failing && phase === 'freeze' ? 7 : 0;
    },
  }));
  return { tools, told };
};

test('scripts run by name before the guest stands still, and back in reverse after it', async () => {
  const { tools, told } = scripted(['20-web', '10-db']);
  const release = await tools.quiesce('copy');
  expect(told).toEqual(['10-db freeze', '20-web freeze', 'still copy']);
  await release();
  expect(told.slice(3)).toEqual(['go on', '20-web thaw', '10-db thaw']);
});

test('a script that fails ends the snapshot, and those that were told are told so', async () => {
  const { tools, told } = scripted(['10-db', '20-web', '30-late'], '20-web');
  await expect(tools.quiesce('copy')).rejects.toBeInstanceOf(QuiesceError);
  expect(told).toEqual(['10-db freeze', '20-web freeze', '20-web freezeFail', '10-db freezeFail']);
});
