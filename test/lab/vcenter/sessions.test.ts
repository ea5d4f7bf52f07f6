import { Pace } from '../../../src/lab/world/pace.ts';
import { closeLabs, startLab } from './lab-vcenter.ts';
import { names, type RawSoap, textAt } from './raw-soap.ts';

afterAll(closeLabs);

const MANAGER = '<_this type="SessionManager">SessionManager</_this>';
const currentTime = (soap: RawSoap) =>
  soap.call('CurrentTime', '<_this type="ServiceInstance">ServiceInstance</_this>');
const currentSession = (soap: RawSoap) => soap.properties('SessionManager', 'SessionManager', 'currentSession');

test('service content is served without a login, in schema order', async () => {
  const soap = (await startLab()).client();
  const answer = await soap.call('RetrieveServiceContent', '<_this type="ServiceInstance">ServiceInstance</_this>');
  expect(names(answer.returnval).slice(0, 6)).toEqual([
    'rootFolder',
    'propertyCollector',
    'viewManager',
    'about',
    'setting',
    'userDirectory',
  ]);
  expect(textAt(answer.returnval, 'about', 'apiType')).toBe('VirtualCenter');
  expect(textAt(answer.returnval, 'about', 'apiVersion')).toBe('8.0.3.0');
  expect(textAt(answer.returnval, 'about', 'instanceUuid')).toBe('5f0c1d2e-0000-4000-8000-00000000abcd');
});

test('a login sets a quoted cookie that opens the API, and Logout closes it', async () => {
  const lab = await startLab();
  const soap = lab.client();
  const login = await soap.login();
  expect(String(login.headers['set-cookie'])).toMatch(
    /^vmware_soap_session="[0-9a-f]{40}"; Path=\/; HttpOnly; Secure$/,
  );
  expect(names(login.returnval).slice(0, 3)).toEqual(['key', 'userName', 'fullName']);
  expect(textAt(login.returnval, 'userName')).toBe('VSPHERE.LOCAL\\admin');
  expect((await currentTime(soap)).status).toBe(200);
  expect(lab.vcenter.sessions).toBe(1);

  soap.cookie = soap.cookie?.replaceAll('"', '');
  expect((await currentTime(soap)).status).toBe(200);

  const logout = await soap.call('Logout', MANAGER);
  expect(logout.response?.name).toBe('LogoutResponse');
  expect(logout.returnval).toBeUndefined();
  expect(lab.vcenter.sessions).toBe(0);
  expect((await currentTime(soap)).fault?.type).toBe('NotAuthenticated');
});

test('without a session a call is NotAuthenticated and names object and privilege', async () => {
  const soap = (await startLab()).client();
  const time = await currentTime(soap);
  expect(time.fault).toMatchObject({ type: 'NotAuthenticated', message: 'The session is not authenticated.' });
  expect(time.fault?.detail?.name).toBe('NotAuthenticatedFault');
  expect(textAt(time.fault?.detail, 'object')).toBe('ServiceInstance');
  expect(textAt(time.fault?.detail, 'privilegeId')).toBe('System.View');

  const read = await soap.retrieve(
    '<propSet><type>Folder</type><pathSet>name</pathSet></propSet><objectSet><obj type="Folder">group-d1</obj></objectSet>',
  );
  expect(read.fault?.type).toBe('NotAuthenticated');
  expect(textAt(read.fault?.detail, 'object')).toBe('group-d1');
});

test('a wrong password is InvalidLogin, and the cookie it happened on rejects even the right one', async () => {
  const soap = (await startLab()).client();
  expect((await soap.login('admin@vsphere.local', 'wrong')).fault?.type).toBe('InvalidLogin');
  expect((await soap.login()).fault?.message).toBe('Rejecting login on a session where login failed');
  soap.cookie = undefined;
  expect((await soap.login()).fault).toBeUndefined();
});

test('a user is known by both ways of writing the account; a second login on a session and a strange locale are refused', async () => {
  const lab = await startLab();
  const soap = lab.client();
  expect((await soap.login('VSPHERE.LOCAL\\Admin')).fault).toBeUndefined();
  expect((await soap.login()).fault?.type).toBe('InvalidLogin');
  expect((await currentTime(soap)).status).toBe(200);
  const strange = await lab
    .client()
    .call('Login', `${MANAGER}<userName>x</userName><password>y</password><locale>tlh</locale>`);
  expect(strange.fault?.type).toBe('InvalidLocale');
});

test('currentSession is readable without a login and unset then', async () => {
  const lab = await startLab();
  expect((await currentSession(lab.client())).size).toBe(0);
  const session = (await currentSession(await lab.admin())).get('currentSession');
  expect(textAt(session, 'key')).toMatch(/^[0-9a-f-]{36}$/);
});

test('SessionIsActive needs Sessions.ValidateSession', async () => {
  const lab = await startLab();
  const admin = await lab.admin();
  const session = (await currentSession(admin)).get('currentSession');
  const question = `${MANAGER}<sessionID>${textAt(session, 'key')}</sessionID><userName>${textAt(session, 'userName')}</userName>`;
  expect((await admin.call('SessionIsActive', question)).returnval?.text).toBe('true');
  const reader = lab.client();
  await reader.login('reader@vsphere.local');
  const refused = await reader.call('SessionIsActive', question);
  expect(refused.fault?.type).toBe('NoPermission');
  expect(textAt(refused.fault?.detail, 'privilegeId')).toBe('Sessions.ValidateSession');
  expect(textAt(refused.fault?.detail, 'missingPrivileges', 'privilegeIds')).toBe('Sessions.ValidateSession');
});

test('a clone ticket opens one session of the same user', async () => {
  const lab = await startLab();
  const admin = await lab.admin();
  const ticket = (await admin.call('AcquireCloneTicket', MANAGER)).returnval?.text;
  const clone = lab.client();
  const answer = await clone.call('CloneSession', `${MANAGER}<cloneTicket>${ticket}</cloneTicket>`);
  expect(textAt(answer.returnval, 'userName')).toBe('VSPHERE.LOCAL\\admin');
  expect((await currentTime(clone)).status).toBe(200);
  expect(lab.vcenter.sessions).toBe(2);
  const again = await lab.client().call('CloneSession', `${MANAGER}<cloneTicket>${ticket}</cloneTicket>`);
  expect(again.fault?.type).toBe('InvalidLogin');
});

test('an idle session expires, one that is used does not', async () => {
  const lab = await startLab({ sessionIdleMs: 300, pace: new Pace(1) });
  const idle = await lab.admin();
  const busy = await lab.admin();
  const deadlineMs = performance.now() + 5000;
  while (lab.vcenter.sessions > 1 && performance.now() < deadlineMs) {
    expect((await currentTime(busy)).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect((await currentTime(idle)).fault?.type).toBe('NotAuthenticated');
  expect((await currentTime(busy)).status).toBe(200);
});

test('a session that waits for updates is not idle', async () => {
  const lab = await startLab({ sessionIdleMs: 200, pace: new Pace(1) });
  const soap = await lab.admin();
  const wait = await soap.call(
    'WaitForUpdatesEx',
    '<_this type="PropertyCollector">propertyCollector</_this><options><maxWaitSeconds>1</maxWaitSeconds></options>',
  );
  expect(wait.status).toBe(200);
  expect((await currentTime(soap)).status).toBe(200);
});

test('beyond the cap of HTTP sessions the answer is 503, until a session ends', async () => {
  const lab = await startLab({ maxSessions: 2 });
  const first = await lab.admin();
  await lab.admin();
  const third = await lab.client().login();
  expect(third.status).toBe(503);
  expect(third.fault).toBeUndefined();
  await first.call('Logout', MANAGER);
  expect((await lab.client().login()).status).toBe(200);
});

test('TerminateSession ends the session of that key', async () => {
  const lab = await startLab();
  const admin = await lab.admin();
  const victim = await lab.admin();
  const key = textAt((await currentSession(victim)).get('currentSession'), 'key');
  await admin.call('TerminateSession', `${MANAGER}<sessionId>${key}</sessionId>`);
  expect((await currentTime(victim)).fault?.type).toBe('NotAuthenticated');
  expect(lab.vcenter.sessions).toBe(1);
});

test('passwords and cookies are not in the event log', async () => {
  const lab = await startLab();
  await lab.admin();
  expect(JSON.stringify(lab.events.events)).not.toMatch(/secret|vmware_soap_session/);
});
