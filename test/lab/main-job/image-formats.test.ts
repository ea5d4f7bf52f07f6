import { generateKeyPairSync } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { manifestJsonSchema, manifestSchema } from '../../../src/cli/manifest-schema.ts';
import { verifyVerb } from '../../../src/cli/verify-verb.ts';
import type { PreResult } from '../../../src/job/pre.ts';
import { filesOfImage } from '../../../src/ports/images.ts';
import type { Reporter } from '../../../src/ports/reporter.ts';
import { failure } from '../../failure.ts';
import { openSite, type Site } from './site.ts';

const silent: Reporter = { info: () => undefined, warn: () => undefined, progress: () => undefined };
const never = new AbortController().signal;
const folder = () => mkdtempSync(path.join(os.tmpdir(), 'snaphook-restored-'));

let site: Site;
let signing: { configFile: string; publicKey: string };

beforeAll(async () => {
  site = await openSite();
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const keys = folder();
  const key = path.join(keys, 'manifest.key');
  writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  const configFile = path.join(path.dirname(site.lab.configFile), 'signing.yaml');
  const config: object = parse(readFileSync(site.lab.configFile, 'utf8'));
  writeFileSync(configFile, stringify({ ...config, manifestKey: `file:${key}` }));
  signing = { configFile, publicKey: path.join(keys, 'manifest.pub') };
  writeFileSync(signing.publicKey, publicKey.export({ type: 'spki', format: 'pem' }));
});

afterAll(() => site.close());

/** What a backup product restored somewhere else, without the machine that made it. */
function restored({ directory }: PreResult): string {
  const into = folder();
  cpSync(directory, into, { recursive: true });
  return path.join(into, 'snaphook-manifest.json');
}

const verify = (manifest: string, publicKey?: string) =>
  verifyVerb({ manifest, publicKey, root: undefined }, silent, never);

test.each(['vmdk-flat', 'vmdk-stream', 'qcow2'] as const)(
  'a job hands over %s images, a restored copy of them is verified, and the post hook leaves nothing',
  async (imageFormat) => {
    const result = await site.pre({ spec: { imageFormat } });
    const manifest = restored(result);
    await site.post();

    expect(result.files.map(({ format }) => format)).toEqual([imageFormat, imageFormat]);
    expect(site.leftBehind()).toEqual([]);
    expect(await verify(manifest)).toMatchObject({
      exitCode: 0,
      document: { ok: true, signature: 'not-checked', images: [{ ok: true }, { ok: true }] },
    });

    const [, second] = result.files;
    const last = second && filesOfImage(second).at(-1);
    truncateSync(path.join(path.dirname(manifest), last?.path ?? ''), 300);
    expect(await verify(manifest)).toMatchObject({
      exitCode: 19,
      document: { ok: false, images: [{ ok: true }, { ok: false, error: { code: 'E_VERIFY' } }] },
    });
  },
);

test('the VM’s own configuration and a descriptor lie beside streamed images, are verified with them, and go with them', async () => {
  const result = await site.pre({ spec: { imageFormat: 'vmdk-stream', configurationFiles: 'require' } });
  const manifest = restored(result);
  const inExport = (file: string) => path.join(result.directory, file);
  const { files, vms } = manifestSchema.parse(JSON.parse(readFileSync(manifest, 'utf8')));
  const pathOf = (kind: string) => files?.find((file) => file.kind === kind)?.path ?? '';

  expect(files?.map(({ kind, vm }) => [kind, vm])).toEqual(
    ['vmx', 'nvram', 'ovf'].map((kind) => [kind, vms[0]?.instanceUuid]),
  );
  expect(readFileSync(inExport(pathOf('vmx')), 'utf8')).toContain(`displayName = "${vms[0]?.name}"`);
  expect(statSync(inExport(pathOf('nvram'))).mode & 0o777).toBe(0o600);
  const descriptor = readFileSync(inExport(pathOf('ovf')), 'utf8');
  const named = [...descriptor.matchAll(/<File ovf:href="([^"]+)"/g)].map(([, href]) => href ?? '');
  expect(named.map((href) => path.join(path.dirname(pathOf('ovf')), href))).toEqual(
    result.files.map((file) => file.path),
  );
  await site.post();

  expect(site.leftBehind()).toEqual([]);
  const document = { files: [{ ok: true }, { ok: true }, { ok: true }] };
  expect(await verify(manifest)).toMatchObject({ exitCode: 0, document });
  writeFileSync(path.join(path.dirname(manifest), pathOf('nvram')), Buffer.alloc(270_840));
  expect(await verify(manifest)).toMatchObject({
    exitCode: 19,
    document: { ok: false, images: [{ ok: true }, { ok: true }], files: [{ ok: true }, { ok: false }, { ok: true }] },
  });
});

test('files that vCenter does not give end the run before anything is frozen, or are told beside images without them', async () => {
  const refuse = () =>
    site.lab.faults.add({
      system: 'vcenter',
      operation: 'GET /folder',
      when: 'before',
      nth: 1,
      action: { do: 'answer', status: 403 },
    });
  const undoFirst = refuse();
  const before = site.lab.events.events.length;
  expect(await site.failingPre({ spec: { configurationFiles: 'require' } })).toMatchObject({
    code: 'E_VCENTER_RIGHTS',
  });
  expect(site.lab.events.since(before).filter(({ system }) => system === 'guest')).toEqual([]);
  expect(site.leftBehind()).toEqual([]);
  undoFirst();

  const undoSecond = refuse();
  const result = await site.pre({ spec: { configurationFiles: 'note' } });
  const { files, warnings } = manifestSchema.parse(JSON.parse(readFileSync(restored(result), 'utf8')));
  await site.post();
  undoSecond();
  expect(files).toBeUndefined();
  expect(warnings).toContainEqual(expect.stringMatching(/configuration files of VM ".*does not let this account read/));
  expect(site.leftBehind()).toEqual([]);
});

test('a signed manifest is the one of whoever has the key; a changed one is not, and neither is one without signature', async () => {
  const { configFile, publicKey } = signing;
  const manifest = restored(await site.pre({ configFile }));
  await site.post();

  expect(site.leftBehind()).toEqual([]);
  expect(await verify(manifest, publicKey)).toMatchObject({ exitCode: 0, document: { signature: 'valid' } });

  writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('"crash"', '"application"').replace('"array"', '"a"'));
  expect(await failure(verify(manifest, publicKey))).toMatchObject({ code: 'E_VERIFY' });
  rmSync(path.join(path.dirname(manifest), 'snaphook-manifest.sig'));
  expect(await failure(verify(manifest, publicKey))).toMatchObject({ code: 'E_VERIFY' });
});

test('a key that cannot sign ends the run before anything is frozen', async () => {
  const configFile = path.join(path.dirname(site.lab.configFile), 'bad-key.yaml');
  const config: object = parse(readFileSync(site.lab.configFile, 'utf8'));
  writeFileSync(configFile, stringify({ ...config, manifestKey: 'file:/dev/null' }));

  expect(await site.failingPre({ configFile })).toMatchObject({ code: 'E_SECRET' });
  expect(site.leftBehind()).toEqual([]);
});

test('a manifest of no images, of a path that leaves its folder, or of another kind is refused', async () => {
  const file = restored(await site.pre());
  await site.post();
  const text = readFileSync(file, 'utf8');
  const manifest = JSON.parse(text);

  for (const changed of [
    { ...manifest, images: [] },
    { ...manifest, images: [{ ...manifest.images[0], path: '../elsewhere.raw' }] },
    { ...manifest, version: 2 },
    [],
  ]) {
    writeFileSync(file, JSON.stringify(changed));
    expect(await failure(verify(file))).toMatchObject({ code: 'E_VERIFY' });
  }
});

test('the published schema is that of a document whose fields are explained', () => {
  expect(manifestJsonSchema()).toMatchObject({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    required: expect.arrayContaining(['tool', 'run', 'snapshot', 'window', 'vms', 'images']),
  });
});
