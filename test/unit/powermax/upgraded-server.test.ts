import { deviceId } from '../../../src/ports/identity.ts';
import { fixture } from './fixture.ts';
import { ARRAY, json, type Script, type ScriptedUnisphere, startScriptedUnisphere } from './scripted-unisphere.ts';

const { signal } = new AbortController();
const devices = [deviceId('00001')];
const request = { name: 'sh-run-1', devices, timeToLiveHours: 2 };
const NOT_SERVED = { status: 404, headers: { 'Content-Type': 'text/plain' }, body: 'Not Found' };
const told = (own: number) =>
  json({ version: `V${Math.floor(own / 10)}.${own % 10}.0.1`, api_version: own, supported_api_versions: [own] });

let script: Script = () => undefined;
let unisphere: ScriptedUnisphere;

beforeAll(async () => {
  unisphere = await startScriptedUnisphere((call) => script(call));
});
afterAll(() => unisphere.close());

/** Serves the endpoint of its release alone, and is of another release from the moment the test says so. */
function upgradable() {
  let own = 100;
  script = ({ url, method }) => {
    if (url === '/univmax/restapi/version') return told(own);
    if (!url.includes(`/${own}/`)) return NOT_SERVED;
    if (url.includes('/system/symmetrix/')) return json(fixture('symmetrix-v3'));
    return method === 'GET' ? json({ message: `Snapshot x not found for 00001` }, 404) : json(undefined, 201);
  };
  return {
    upgrade: () => {
      own = 101;
    },
  };
}

const pathsSince = (from: number) => unisphere.requests().slice(from);

test('a server that was upgraded meanwhile is asked for its version again, and the same request is sent to the endpoint it serves', async () => {
  const server = upgradable();
  const array = unisphere.array();
  await array.warm(signal);
  server.upgrade();
  const from = unisphere.requests().length;

  await array.establish(request, signal);

  const path = `replication/symmetrix/${ARRAY}/snapshot/sh-run-1`;
  expect(pathsSince(from)).toEqual([
    `POST /univmax/restapi/private/100/${path}`,
    'GET /univmax/restapi/version',
    `POST /univmax/restapi/private/101/${path}`,
  ]);
});

test('reads follow the upgrade too, and later ones go there at once', async () => {
  const server = upgradable();
  const array = unisphere.array();
  await array.warm(signal);
  server.upgrade();
  await array.findSnapshots({ name: 'sh-run-1', devices }, signal);
  const from = unisphere.requests().length;

  await array.findSnapshots({ name: 'sh-run-1', devices }, signal);

  expect(pathsSince(from).some((path) => path.includes('/100/'))).toBe(false);
});

test('a path that the same version does not serve is told, and not sent again and again', async () => {
  script = ({ url }) => (url === '/univmax/restapi/version' ? told(100) : NOT_SERVED);
  const array = unisphere.array();
  const from = unisphere.requests().length;

  await expect(array.establish(request, signal)).rejects.toMatchObject({ code: 'E_ARRAY_VERSION', effect: 'none' });

  expect(pathsSince(from).filter((path) => path.startsWith('POST'))).toHaveLength(1);
});

test('a server before 9.1, which tells its version elsewhere, is refused by the version it has', async () => {
  script = ({ url }) => (url === '/univmax/restapi/system/version' ? json({ version: 'V9.0.1.6' }) : NOT_SERVED);

  await expect(unisphere.array().warm(signal)).rejects.toMatchObject({
    code: 'E_ARRAY_VERSION',
    message: expect.stringContaining('"V9.0.1.6"'),
  });
});

test('what the run was told before is believed by its next process, until the server refuses it', async () => {
  const server = upgradable();
  const later = unisphere.array();
  later.recall({
    arrayId: ARRAY,
    model: 'PowerMax_2000',
    microcode: '5978.711.711',
    generation: 'V3',
    unisphereVersion: 'V10.0.0.1',
    apiVersion: '100',
    local: true,
    snapVxLicensed: true,
  });
  const from = unisphere.requests().length;
  await later.terminate({ name: 'sh-run-1', snapId: 7, devices }, signal);
  expect(pathsSince(from)).toHaveLength(1);

  server.upgrade();
  await later.terminate({ name: 'sh-run-1', snapId: 7, devices }, signal);

  expect(pathsSince(from).at(-1)).toContain('/101/');
});
