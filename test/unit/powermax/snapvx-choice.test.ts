import { fixture } from './fixture.ts';
import { json, type Script, type ScriptedUnisphere, startScriptedUnisphere } from './scripted-unisphere.ts';

const { signal } = new AbortController();
const NOT_SERVED = { status: 404, headers: { 'Content-Type': 'text/plain' }, body: 'Not Found' };
const VERSION = json({ version: 'V10.0.0.1', api_version: 100, supported_api_versions: [100] });

let answers: ReturnType<Script>[] = [];
let unisphere: ScriptedUnisphere;

/** Snapshots by device are answered as the test says, one after the other. */
const script: Script = ({ url }) => {
  if (url === '/univmax/restapi/version') return VERSION;
  if (url.includes('/private/')) return answers.shift();
  if (url.includes('/system/symmetrix/')) return json(fixture('symmetrix-v3'));
  if (url.includes('/replication/capabilities')) return json({ symmetrixCapability: [] });
  return NOT_SERVED;
};

beforeAll(async () => {
  unisphere = await startScriptedUnisphere(script);
});
afterAll(() => unisphere.close());

test.each([
  ['a session that ended', json({ message: 'Unauthorized' }, 401)],
  ['a refusal nobody knows', json({ message: 'Something is wrong' }, 500)],
  ['a role that is missing', json({ message: 'Cannot find role for user' }, 500)],
])('%s does not decide by which interface snapshots are taken: the next question does', async (_, refusal) => {
  const array = unisphere.array({ snapVxApi: 'auto' });
  answers = [refusal, refusal];
  await expect(array.facts(signal)).rejects.toMatchObject({ name: 'SnaphookError' });

  answers = [NOT_SERVED];
  expect((await array.facts(signal)).snapVxApi).toBe('storage-group');
});

test('a device that is not there says that the resource is', async () => {
  const array = unisphere.array({ snapVxApi: 'auto' });
  answers = [json({ message: 'Cannot find Volume 00001' }, 404)];
  expect((await array.facts(signal)).snapVxApi).toBe('device-list');
});
