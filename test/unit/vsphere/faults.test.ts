import { SnaphookError } from '../../../src/ports/errors.ts';
import { errorOfFault, errorOfStatus, VimFaultError } from '../../../src/vsphere/faults.ts';
import { answerOf, envelope, faultOf, received, XSI_PREFIXES } from './soap-answers.ts';

async function thrownBy(run: Promise<unknown>): Promise<unknown> {
  return await run.then(
    () => {
      throw new Error('nothing was thrown');
    },
    (error: unknown) => error,
  );
}

async function faultIn(answer: string) {
  const thrown = await thrownBy(received('FindByUuid', answer, 500));
  if (!(thrown instanceof VimFaultError)) throw new Error(`not a fault: ${String(thrown)}`);
  return thrown.fault;
}

test.each(XSI_PREFIXES)('a fault is known by its type with the prefix %s', async (prefix) => {
  const fault = await faultIn(
    faultOf(
      'NoPermission',
      'Permission to perform this operation was denied.',
      '<object type="Folder">group-d1</object><privilegeId>System.View</privilegeId>',
      prefix,
    ),
  );
  expect(fault).toMatchObject({
    type: 'NoPermission',
    message: 'Permission to perform this operation was denied.',
    object: { type: 'Folder', id: 'group-d1' },
    privilegeId: 'System.View',
  });
});

test('the type counts, not the element name that doubles the suffix', async () => {
  const answer = faultOf('InvalidProperty', 'Invalid property', '<name>config.nope</name>').replaceAll(
    'InvalidPropertyFault',
    'InvalidPropertyFaultFault',
  );
  expect(await faultIn(answer)).toMatchObject({ type: 'InvalidProperty', property: 'config.nope' });
});

test('a fault without a typed detail is known by its element, one without detail by its text', async () => {
  const fault = (detail: string) =>
    envelope(
      `<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>gone</faultstring>${detail}</soapenv:Fault>`,
    );
  const bare = '<detail><NotAuthenticatedFault xmlns="urn:vim25"/></detail>';
  expect(await faultIn(fault(bare))).toMatchObject({ type: 'NotAuthenticated' });
  expect(await faultIn(fault(''))).toMatchObject({ type: '', message: 'gone' });
});

const none = {
  message: 'server text',
  object: undefined,
  privilegeId: undefined,
  property: undefined,
  task: undefined,
  file: undefined,
};

test.each([
  ['InvalidLogin', 'E_VCENTER_LOGIN', 'never'],
  ['NotAuthenticated', 'E_VCENTER_LOGIN', 'safe'],
  ['NoPermission', 'E_VCENTER_RIGHTS', 'never'],
  ['ManagedObjectNotFound', 'E_VCENTER', 'safe'],
  ['InvalidProperty', 'E_VCENTER', 'never'],
  ['HostNotReachable', 'E_VCENTER', 'safe'],
  ['TaskInProgress', 'E_VCENTER', 'safe'],
  ['ApplicationQuiesceFault', 'E_FREEZE_FAILED', 'never'],
  ['SomethingNew', 'E_VCENTER', 'never'],
])('%s becomes %s, retry %s', (type, code, retry) => {
  const error = errorOfFault('vc.test', 'RetrievePropertiesEx', { ...none, type });
  expect(error).toBeInstanceOf(SnaphookError);
  expect(error).toMatchObject({ code, retry });
  expect(error.message).toContain('"vc.test"');
  expect(error.hint).toMatch(/\.$/);
});

test('missing rights name the privilege and the object', () => {
  const error = errorOfFault('vc.test', 'RetrievePropertiesEx', {
    ...none,
    type: 'NoPermission',
    object: { type: 'Datastore', id: 'datastore-12' },
    privilegeId: 'System.Read',
  });
  expect(error.message).toContain('"System.Read"');
  expect(error.message).toContain('Datastore "datastore-12"');
});

test.each([502, 503, 504])('HTTP %i is vCenter not being there, to be tried again', (status) => {
  expect(errorOfStatus('vc.test', 'Login', status)).toMatchObject({ code: 'E_VCENTER_UNREACHABLE', retry: 'safe' });
});

test.each([
  ['a page of HTML', '<html><head><title>Sign in</title></head><body><p>Hello</p></body></html>'],
  ['plain text', 'Service Unavailable'],
  ['an envelope without body', '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"/>'],
  ['half an envelope', answerOf('FindByUuid', '<returnval>').slice(0, 200)],
  ['nothing', ''],
])('%s in place of an answer is told as such', async (_what, body) => {
  for (const status of [200, 500]) {
    expect(await thrownBy(received('FindByUuid', body, status))).toMatchObject({
      code: 'E_VCENTER',
      message: expect.stringContaining('not vSphere SOAP'),
    });
  }
});

test('an absent returnval is no fault', async () => {
  expect(await received('FindByUuid', answerOf('FindByUuid', ''))).toBeUndefined();
  expect(await received('Logout', envelope('<LogoutResponse xmlns="urn:vim25"/>'))).toBeUndefined();
});
