import { inspect } from 'node:util';
import type { LabAnswer } from '../../../src/lab/world/http-server.ts';
import { SnaphookError } from '../../../src/ports/errors.ts';
import { COOKIE_VALUE, ok, PASSWORD, type ScriptedVcenter, startScriptedVcenter } from './scripted-vcenter.ts';
import { answerOf, faultOf } from './soap-answers.ts';

const signal = new AbortController().signal;
const fault = (type: string, message = type): LabAnswer => ({ status: 500, body: faultOf(type, message) });
let server: ScriptedVcenter;

afterEach(async () => {
  await server.close();
});

async function rejection(run: Promise<unknown>): Promise<unknown> {
  return await run.then(
    () => {
      throw new Error('nothing was thrown');
    },
    (error: unknown) => error,
  );
}

test('many first calls at once share one login, and the cookie goes back as it came', async () => {
  server = await startScriptedVcenter();
  const vsphere = server.connect();
  await Promise.all([
    vsphere.facts(signal),
    vsphere.facts(signal),
    vsphere.findVms([{ by: 'name', name: 'a' }], signal),
  ]);
  await vsphere.close();
  expect(server.operations().filter((operation) => operation === 'Login')).toHaveLength(1);
  const sweep = server.requests.find(({ operation }) => operation === 'RetrievePropertiesEx');
  expect(sweep?.request.headers.cookie).toBe(`vmware_soap_session="${COOKIE_VALUE}-1"`);
  expect(server.operations().at(-1)).toBe('Logout');
});

test('nothing is sent before first use, and closing an unused client sends nothing either', async () => {
  server = await startScriptedVcenter();
  const vsphere = server.connect();
  await vsphere.close();
  await vsphere.close();
  expect(server.requests).toEqual([]);
});

test('calls reuse one connection', async () => {
  server = await startScriptedVcenter();
  const vsphere = server.connect();
  for (let round = 0; round < 3; round += 1) await vsphere.findVms([{ by: 'name', name: 'a' }], signal);
  await vsphere.close();
  expect(server.events.events.filter((event) => event.kind === 'connection')).toHaveLength(1);
});

test('a refused password is sent once only, however often the client is used', async () => {
  server = await startScriptedVcenter({ Login: () => fault('InvalidLogin', 'Cannot complete login.') });
  const vsphere = server.connect();
  for (let round = 0; round < 3; round += 1) {
    await expect(vsphere.facts(signal)).rejects.toMatchObject({ code: 'E_VCENTER_LOGIN', retry: 'never' });
  }
  await vsphere.close();
  expect(server.operations().filter((operation) => operation === 'Login')).toHaveLength(1);
  expect(server.operations()).not.toContain('Logout');
});

test('after a failed login the next one comes without its cookie and over another connection', async () => {
  let tries = 0;
  const failedCookie = { 'set-cookie': 'vmware_soap_session=of-the-failed-login' };
  server = await startScriptedVcenter({
    Login: () => {
      tries += 1;
      if (tries === 1) return { ...fault('SystemError'), headers: failedCookie };
      return ok(answerOf('Login', ''), { 'set-cookie': 'vmware_soap_session=good' });
    },
  });
  const vsphere = server.connect();
  await expect(vsphere.facts(signal)).rejects.toMatchObject({ code: 'E_VCENTER' });
  await vsphere.facts(signal);
  await vsphere.close();
  const cookies = server.requests.map(({ request }) => request.headers.cookie);
  expect(cookies).not.toContain('vmware_soap_session=of-the-failed-login');
  expect(cookies.at(-1)).toBe('vmware_soap_session=good');
  expect(server.events.events.filter((event) => event.kind === 'connection')).toHaveLength(2);
});

test('a session that vCenter dropped is opened again once and the read starts over in it', async () => {
  server = await startScriptedVcenter({
    RetrievePropertiesEx: (request) =>
      request.headers.cookie?.includes('-1"') ? fault('NotAuthenticated') : ok(answerOf('RetrievePropertiesEx', '')),
  });
  const vsphere = server.connect();
  expect(await vsphere.findVms([{ by: 'name', name: 'a' }], signal)).toEqual([[]]);
  await vsphere.close();
  expect(server.operations()).toEqual([
    'vimServiceVersions',
    'RetrieveServiceContent',
    'Login',
    'CreateContainerView',
    'RetrievePropertiesEx',
    'RetrieveServiceContent',
    'Login',
    'CreateContainerView',
    'RetrievePropertiesEx',
    'Logout',
  ]);
});

test('a session that is dropped again and again is an error, not a loop', async () => {
  server = await startScriptedVcenter({ CreateContainerView: () => fault('NotAuthenticated') });
  const vsphere = server.connect();
  await expect(vsphere.findVms([{ by: 'name', name: 'a' }], signal)).rejects.toMatchObject({ code: 'E_VCENTER_LOGIN' });
  await vsphere.close();
  expect(server.operations().filter((operation) => operation === 'Login')).toHaveLength(2);
});

test('a vCenter without room is asked again after growing waits, then given up as unreachable', async () => {
  server = await startScriptedVcenter({
    Login: (_request, nth) =>
      nth <= 2
        ? { status: 503, body: 'Out of HTTP sessions: Limited to 2000' }
        : ok(answerOf('Login', ''), { 'set-cookie': 'vmware_soap_session=x' }),
    CreateContainerView: () => ({ status: 503 }),
  });
  const vsphere = server.connect();
  await vsphere.facts(signal);
  expect(server.sleeps).toEqual([1_000, 2_000]);
  await expect(vsphere.findVms([{ by: 'name', name: 'a' }], signal)).rejects.toMatchObject({
    code: 'E_VCENTER_UNREACHABLE',
    retry: 'safe',
    hint: expect.stringContaining('2000 sessions'),
  });
  expect(server.sleeps).toEqual([1_000, 2_000, 1_000, 2_000, 4_000]);
  await vsphere.close();
});

test('the session is logged out after an error and while an answer is still awaited', async () => {
  server = await startScriptedVcenter();
  server.faults.add({
    system: 'vcenter',
    operation: 'RetrievePropertiesEx',
    when: 'before',
    action: { do: 'hang' },
  });
  const vsphere = server.connect();
  const abort = new AbortController();
  const reason = new Error('the run was interrupted');
  const waiting = vsphere.findVms([{ by: 'name', name: 'a' }], abort.signal);
  const stop = server.events.onEvent((event) => {
    if (event.kind === 'fault') abort.abort(reason);
  });
  expect(await rejection(waiting)).toBe(reason);
  stop();
  await vsphere.close();
  expect(server.operations().at(-1)).toBe('Logout');
});

test('a login that is under way when the client is closed is finished and logged out', async () => {
  server = await startScriptedVcenter();
  server.faults.add({
    system: 'vcenter',
    operation: 'Login',
    when: 'after',
    action: { do: 'call', run: () => void vsphere.close() },
  });
  const vsphere = server.connect();
  const used = rejection(vsphere.findVms([{ by: 'name', name: 'a' }], signal));
  await used;
  await vsphere.close();
  expect(server.operations()).toContain('Logout');
  await expect(vsphere.facts(signal)).rejects.toThrow('closed');
});

test('close never throws, whatever becomes of the logout', async () => {
  server = await startScriptedVcenter({ Logout: () => fault('NotAuthenticated') });
  const vsphere = server.connect();
  await vsphere.facts(signal);
  await expect(vsphere.close()).resolves.toBeUndefined();

  server.faults.add({ system: 'vcenter', operation: 'Logout', when: 'before', action: { do: 'drop' } });
  const other = server.connect();
  await other.facts(signal);
  await expect(other.close()).resolves.toBeUndefined();
});

test('an ESXi host is not taken for a vCenter', async () => {
  const content = `<returnval><propertyCollector type="PropertyCollector">pc</propertyCollector><about><name>VMware ESXi</name>
<apiType>HostAgent</apiType></about><sessionManager type="SessionManager">sm</sessionManager><searchIndex type="SearchIndex">si</searchIndex></returnval>`;
  server = await startScriptedVcenter({
    RetrieveServiceContent: () => ok(answerOf('RetrieveServiceContent', content)),
  });
  const vsphere = server.connect();
  await expect(vsphere.facts(signal)).rejects.toMatchObject({
    code: 'E_VCENTER',
    message: expect.stringContaining('VMware ESXi'),
  });
  await vsphere.close();
});

describe('no error carries the password or the cookie', () => {
  const escaped = PASSWORD.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const chatty = (operation: string, status: number): Readonly<Record<string, () => LabAnswer>> => ({
    [operation]: () => ({
      status,
      body: faultOf('SystemError', operation === 'Login' ? `you sent ${escaped}` : `you sent "${COOKIE_VALUE}-1"`),
      headers: { 'x-echo': COOKIE_VALUE },
    }),
  });

  test.each([
    ['a fault at login that repeats the password', chatty('Login', 500)],
    ['a refused login', { Login: () => fault('InvalidLogin', `wrong password ${escaped}`) }],
    ['HTTP 400 at login', chatty('Login', 400)],
    ['HTTP 503 at login', chatty('Login', 503)],
    ['HTML at login', { Login: () => ok(`<html><body>${escaped}</body></html>`) }],
    ['a login without cookie', { Login: () => ok(answerOf('Login', `<returnval>${escaped}</returnval>`)) }],
    ['a fault in a read that repeats the cookie', chatty('CreateContainerView', 500)],
    ['HTTP 502 in a read', chatty('RetrievePropertiesEx', 502)],
    ['nonsense in a read', { RetrievePropertiesEx: () => ok(`<a>${COOKIE_VALUE}`) }],
  ])('%s', async (_what, scripts) => {
    server = await startScriptedVcenter(scripts);
    await expectNoSecret();
  });

  test.each(['drop', 'hang'] as const)('a %s in every operation', async (action) => {
    for (const operation of ['vimServiceVersions', 'Login', 'CreateContainerView', 'RetrievePropertiesEx']) {
      server = await startScriptedVcenter();
      server.faults.add({ system: 'vcenter', operation, when: 'after', action: { do: action } });
      await expectNoSecret(150);
      await server.close();
    }
  });

  async function expectNoSecret(requestTimeoutMs = 10_000): Promise<void> {
    const vsphere = server.connect({ requestTimeoutMs });
    const thrown = await rejection(vsphere.findVms([{ by: 'name', name: 'a' }], signal));
    await vsphere.close();
    expect(thrown).toBeInstanceOf(SnaphookError);
    const shown = everythingOf(thrown);
    for (const secret of [PASSWORD, escaped, JSON.stringify(PASSWORD).slice(1, -1), COOKIE_VALUE]) {
      expect(shown).not.toContain(secret);
    }
  }

  function everythingOf(thrown: unknown): string {
    const parts: string[] = [];
    for (let link: unknown = thrown; link instanceof Error; link = link.cause) {
      parts.push(link.message, link.stack ?? '', JSON.stringify(link), JSON.stringify(Object.entries(link)));
    }
    return [...parts, inspect(thrown, { depth: 12, showHidden: true, getters: true })].join('\n');
  }
});
