import * as lab from '../../../src/lab/unisphere/messages.ts';
import { aboutVvols, classify, refusalError } from '../../../src/powermax/messages.ts';

const json = (status: number, message: string) => ({ status, body: { message }, raw: JSON.stringify({ message }) });

/** The published messages of real arrays and what each means for a write. */
test.each([
  [500, 'The Device(s) is (are) already in the desired state or mode', 'already-in-desired-state', 'never', 'none'],
  [404, 'No link target was found  ', 'no-link-target', 'never', 'none'],
  [
    500,
    'A problem occurred modifying the snapshot generation resource: The Target device cannot be manipulated because it is already a Copy session Target device',
    'already-target',
    'never',
    'none',
  ],
  [500, 'The maximum number of sessions has been exceeded for the specified Source device', 'limit', 'never', 'none'],
  [500, 'A problem occurred deleting the resources: No snapshot was found', 'not-found', 'never', 'none'],
  [404, 'No snapshot named found', 'not-found', 'never', 'none'],
  [404, 'Snapshot csi-DEV-pmsn-4d246bcfcf not found for 0064B', 'not-found', 'never', 'none'],
  [500, 'Snapshot csi-DEV-pmsn-4d246bcfcf not found for 0064B', 'not-found', 'never', 'none'],
  [500, 'Volume is neither a source nor target', 'not-found', 'never', 'none'],
  [500, 'A problem occurred: Unable to acquire the Symmetrix device lock', 'lock-busy', 'safe', 'none'],
  [500, 'auto provisioning operation is already in progress', 'provisioning-busy', 'safe', 'none'],
  [500, 'Cannot find role for user', 'role', 'never', 'none'],
  [500, 'cannot use the device for the function because it is in a Copy Session', 'in-copy-session', 'never', 'none'],
  [
    500,
    'A problem occurred modifying the storage group resource: Failed to create batch task(s): The maximum allowed devices for a storage group has been exceeded',
    'limit',
    'never',
    'none',
  ],
  [500, 'device already masked within a view', 'already-masked', 'never', 'none'],
  [500, 'A device cannot belong to more than one storage group in use by FAST', 'fast-conflict', 'never', 'none'],
  [409, 'The requested storage group resource already exists', 'exists', 'never', 'none'],
  [404, 'Storage Group on Symmetrix cannot be found', 'not-found', 'never', 'none'],
  [500, 'Storage Group on Symmetrix cannot be found', 'not-found', 'never', 'none'],
  [400, 'snapshot has a link', 'snapshot-linked', 'never', 'none'],
  [
    500,
    'Target volume size [10]Cyls cannot be smaller than source volume size [20]Cyls',
    'target-too-small',
    'never',
    'none',
  ],
  [500, 'A problem occurred: java.lang.NullPointerException', 'old-endpoint', 'after-probe', 'unknown'],
  [401, '', 'unauthorized', 'never', 'none'],
  [403, 'anything', 'forbidden', 'never', 'none'],
  [404, 'Not Found', 'no-such-path', 'never', 'none'],
  [409, 'anything', 'exists', 'never', 'none'],
  [429, 'Too Many Requests', 'too-many-requests', 'safe', 'none'],
  [503, 'Service Unavailable', 'server-busy', 'after-probe', 'unknown'],
  [503, 'Unable to acquire the Symmetrix device lock', 'server-busy', 'after-probe', 'unknown'],
  [504, 'server busy', 'proxy-busy', 'after-probe', 'unknown'],
  [400, 'anything', 'refused', 'never', 'none'],
  [500, 'anything', 'failed', 'after-probe', 'unknown'],
  [502, 'anything', 'unknown', 'after-probe', 'unknown'],
] as const)('a write answered %i "%s" is %s: retry %s, effect %s', (status, message, kind, retry, effect) => {
  expect(classify(json(status, message), 'write')).toMatchObject({ kind, retry, effect });
});

test('a message is recognised in any case', () => {
  expect(classify(json(500, 'UNABLE TO ACQUIRE THE SYMMETRIX DEVICE LOCK'), 'write').kind).toBe('lock-busy');
});

/** What the lab's Unisphere says in the words of real arrays: each is understood, none falls into "refused" or "failed". */
test.each<[lab.Refusal, string]>([
  [lab.desiredState(), 'already-in-desired-state'],
  [lab.noLinkTarget(), 'no-link-target'],
  [lab.alreadyTarget(), 'already-target'],
  [lab.tooManySessions(), 'limit'],
  [lab.membershipChanged(), 'not-found'],
  [lab.noSnapshotNamed(), 'not-found'],
  [lab.snapshotNotFound('x', '00001'), 'not-found'],
  [lab.neitherSourceNorTarget(), 'not-found'],
  [lab.deviceLocked(), 'lock-busy'],
  [lab.autoProvisioningBusy(), 'provisioning-busy'],
  [lab.inCopySession(), 'in-copy-session'],
  [lab.groupFull(), 'limit'],
  [lab.maskedElsewhere(), 'already-masked'],
  [lab.twoFastGroups(), 'fast-conflict'],
  [lab.snapshotHasLink(), 'snapshot-linked'],
  [lab.targetTooSmall(1, 2), 'target-too-small'],
  [lab.alreadyExists('storage group'), 'exists'],
  [lab.notFound('Storage Group', 'x', '000197900046'), 'not-found'],
  [lab.tooManyRequests(), 'too-many-requests'],
  [lab.serviceUnavailable(), 'server-busy'],
  [new lab.Refusal(500, lab.PASSING_FAULTS.roleNotFound.message), 'role'],
  [new lab.Refusal(500, lab.PASSING_FAULTS.nullPointer.message), 'old-endpoint'],
])('the lab says "%s", which is %s', (refusal, kind) => {
  const prefixed = lab.problemText('modifying the storage group resource', refusal.message);
  const spoken = refusal.status === 500 ? prefixed : refusal.message;

  expect(classify(json(refusal.status, spoken), 'write').kind).toBe(kind);
});

test.each([503, 504, 429, 408, 502])('a read answered %i may be repeated and had no effect', (status) => {
  expect(classify(json(status, 'busy'), 'read')).toMatchObject({ retry: 'safe', effect: 'none' });
});

test('a read that fails for an unknown reason is not repeated', () => {
  expect(classify(json(500, 'boom'), 'read')).toMatchObject({ retry: 'never', effect: 'none' });
});

test.each([
  ['', ''],
  ['<html><body><h1>Service   Unavailable</h1></body></html>', 'Service Unavailable'],
  ['busy', 'busy'],
])('a 503 body that is no JSON (%j) is understood', (raw, message) => {
  expect(classify({ status: 503, body: undefined, raw }, 'write')).toMatchObject({ kind: 'server-busy', message });
});

test('a 404 that no Unisphere resource answered is a wrong path, not a missing object', () => {
  const raw = '<html><body>404 - snapshot page</body></html>';

  expect(classify({ status: 404, body: undefined, raw }, 'read').kind).toBe('no-such-path');
});

test.each([
  [401, '', 'E_ARRAY_LOGIN'],
  [403, 'no', 'E_ARRAY_RIGHTS'],
  [500, 'Cannot find role for user', 'E_ARRAY_RIGHTS'],
  [500, 'Unable to acquire the Symmetrix device lock', 'E_ARRAY_BUSY'],
  [503, '', 'E_ARRAY_BUSY'],
  [500, 'The maximum number of sessions has been exceeded for the specified Source device', 'E_ARRAY_LIMIT'],
  [500, 'some new refusal', 'E_ARRAY_REFUSED'],
  [500, 'Operation not supported on a virtual volume', 'E_ARRAY_VVOL'],
  [400, 'SnapVX on virtual volumes: the feature is not licensed on this array', 'E_ARRAY_REFUSED'],
  [500, 'Symmetrix [1] is not local to this server and cannot be controlled by it', 'E_ARRAY_NOT_LOCAL'],
  [500, 'java.lang.NullPointerException', 'E_ARRAY_VERSION'],
  [500, 'it is already a Copy session Target device', 'E_TARGET_TAKEN'],
])('%i "%s" reaches people as %s with the words of the array and a next step', (status, message, code) => {
  const error = refusalError(classify(json(status, message), 'write'), 'link snapshot "x"');

  expect(error.code).toBe(code);
  expect(error.message).toContain(message === '' ? `status ${status}` : message);
  expect(error.hint).toMatch(/\.$/);
});

test.each([
  ['an unknown 500 of the array', json(500, 'The device is not a valid type for this operation'), 'E_ARRAY_VVOL'],
  ['an unknown 400 of the array', json(400, 'not now'), 'E_ARRAY_VVOL'],
  ['a refusal that names another reason', json(400, 'The SnapVX feature is not licensed'), 'E_ARRAY_REFUSED'],
  ['a name that is taken', json(409, 'exists'), 'E_ARRAY_REFUSED'],
  [
    'a page of something on the way',
    { status: 500, body: undefined, raw: '<h1>Internal Error</h1>' },
    'E_ARRAY_REFUSED',
  ],
  ['a 400 without a word', { status: 400, body: undefined, raw: '' }, 'E_ARRAY_REFUSED'],
  ['missing rights', json(500, 'Cannot find role for user'), 'E_ARRAY_RIGHTS'],
])('of a request with vVols, %s counts as %j %s', (_what, answer, code) => {
  expect(refusalError(aboutVvols(classify(answer, 'write')), 'establish').code).toBe(code);
});

test('very long messages are cut', () => {
  expect(classify(json(500, 'x'.repeat(5000)), 'write').message.length).toBeLessThan(600);
});
