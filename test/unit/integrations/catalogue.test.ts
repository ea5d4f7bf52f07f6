import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { integrationNamed, integrationNames } from '../../../integrations/catalogue.ts';
import type { Integration } from '../../../integrations/contract.ts';

const FOLDER = path.join(__dirname, '../../../integrations');
const FOLDERS = ['directory', 'source'];

const all = (): Promise<readonly Integration[]> => Promise.all(integrationNames().map(integrationNamed));

const itemsOf = ({ installation }: Integration) =>
  installation.items({
    job: 'nightly-sql',
    program: '/usr/bin/snaphook',
    system: 'linux',
    configFile: undefined,
    settings: Object.fromEntries(
      installation.settings.map(({ name, fallback }) => [name, fallback ?? (FOLDERS.includes(name) ? '/x' : 'x')]),
    ),
  });

test.each(['amanda', 'backuppc'])(
  '%s: its user, who is not root, has to find out whether he comes to his hook',
  async (name) => {
    const items = itemsOf(await integrationNamed(name));
    const [hook] = items.flatMap((item) => (item.kind === 'file' ? [item.path] : []));

    expect(items).toContainEqual({ kind: 'step', text: expect.stringContaining(`test -x ${hook}`) });
  },
);

test('no hook of what is installed decides in place of the job what becomes of an open run', async () => {
  const texts = (await all()).flatMap(itemsOf).map((item) => (item.kind === 'file' ? item.content : item.text));

  expect(texts.filter((text) => text.includes('--on-open-run'))).toEqual([]);
});

test('the table of incremental backups says of every product what snapshotGap goes by', async () => {
  const text = readFileSync(path.join(FOLDER, 'README.md'), 'utf8');
  const rows = [...text.matchAll(/^\| by (time|comparison|a time one hour early)\b.* \| (`.*`) \|$/gm)];
  const told = rows.flatMap(([, how, names = '']) =>
    names.split(', ').map((name) => [name.replaceAll('`', ''), how === 'time' ? 'by-time' : 'by-comparison'] as const),
  );
  const known = (await all()).flatMap(({ name, incrementals }) =>
    incrementals ? [[name, incrementals] as const] : [],
  );

  expect(told.toSorted()).toEqual(known.toSorted());
});

test.each(['integrations/README.md', 'docs/vss-backups.md'])(
  '%s names the products that tell how a backup ended, and no others',
  async (file) => {
    const text = readFileSync(path.join(FOLDER, '..', file), 'utf8').replace(/\s+/g, ' ');
    const told = /Told by the product: (.*?)\. Under|\(\.\.\/integrations\/README\.md\), (.*?) tell it\./.exec(text);
    const names = (told?.[1] ?? told?.[2] ?? '').split(/, | and /).map((name) => name.replaceAll('`', ''));
    const telling = (await all()).filter(({ tellsOutcome }) => tellsOutcome);
    const title = (integration: Integration) =>
      integration.name === 'netbackup-server'
        ? "NetBackup's primary server"
        : integration.title.replace(/^OpenText /, '');

    expect(names.toSorted()).toEqual(
      telling.map((integration) => (told?.[1] ? integration.name : title(integration))).toSorted(),
    );
  },
);

test('no README promises that a pre hook ends a run that waits for its post hook', () => {
  const promises = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
    .filter((file) => path.basename(file) === 'README.md')
    .filter((file) =>
      /next pre hook(, or [^.|]*)?,? cleans\s+up(?! a crashed)/.test(readFileSync(path.join(FOLDER, file), 'utf8')),
    );

  expect(promises).toEqual([]);
});
