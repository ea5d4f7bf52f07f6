import type { Body } from '../../../src/powermax/schema.ts';
import { endpointOf, generationOf, hasSnapIds, negotiate } from '../../../src/powermax/version.ts';
import { fixture } from './fixture.ts';

test.each([
  ['version-9.2', 92, false],
  ['version-10.0', 100, false],
  ['version-10.1', 101, true],
])('%s is served by endpoint %i', (name, endpoint, bulkReads) => {
  expect(negotiate(fixture(name))).toMatchObject({ endpoint, bulkReads });
});

/** Releases of 9.2 to 10.4 in every form a server tells them in. */
test.each<[string, object, number]>([
  ['9.2, a release', { version: 'V9.2.3.4' }, 92],
  ['9.2, a test release', { version: 'T9.2.0.1' }, 92],
  ['10.0 without a list', { version: 'V10.0.1.12' }, 100],
  ['10.0', { version: 'V10.0.1.12', api_version: '100', supported_api_versions: ['100', '92', '91'] }, 100],
  ['10.1, a test release', { version: 'T10.1.0.468', api_version: '101', supported_api_versions: ['101', '100'] }, 101],
  ['10.2 with numbers', { version: 'V10.2.0.9', api_version: 102, supported_api_versions: [102, 101, 100] }, 102],
  ['10.3 with its own number alone', { version: 'X10.3.0.0', api_version: '103' }, 103],
  ['10.4', { version: 'V10.4.0.2', api_version: '104', supported_api_versions: ['104', '103', '102'] }, 104],
  ['10.5, which still serves 10.4', { version: 'V10.5.0.0', supported_api_versions: ['105', '104', '103'] }, 104],
  ['an empty list', { version: 'V10.3.0.5', api_version: '103', supported_api_versions: [] }, 103],
  ['words in camelCase', { version: 'V10.1.0.468', apiVersion: '101', supportedApiVersions: ['101', '100'] }, 101],
])('%s', (_form, answer, endpoint) => {
  expect(negotiate(answer as Body)).toMatchObject({ endpoint, bulkReads: endpoint >= 101 }); // an object of JSON
});

test.each([
  ['5977.1131.1131', false],
  ['5978.444.444', false],
  ['5978.669.669', true],
  ['5978.711.711', true],
  ['6079.60.0', true],
])('microcode %s has snap ids: %s', (microcode, expected) => {
  expect(hasSnapIds(microcode)).toBe(expected);
});

test('10.3 is ten point three, not one point three', () => {
  expect(endpointOf('V10.3.0.1')).toBe(103);
  expect(negotiate({ version: 'V10.3.0.1' }).endpoint).toBe(103);
});

test.each(['T', 'X', 'V'])('release letter %s is accepted', (letter) => {
  expect(endpointOf(`${letter}9.2.0.0`)).toBe(92);
});

test('the newest endpoint both sides know is chosen, whatever the order and the type of the list', () => {
  const answer = { version: 'V10.5.0.0', api_version: '105', supported_api_versions: [103, '105', '104'] };

  expect(negotiate(answer).endpoint).toBe(104);
});

test.each([{ version: 'V9.0.1.1' }, { version: 'V11.0', supported_api_versions: ['110'] }, {}])(
  'a server that offers no known endpoint is refused by name: %j',
  (answer) => {
    expect(() => negotiate(answer)).toThrow(expect.objectContaining({ code: 'E_ARRAY_VERSION' }));
  },
);

test.each([
  ['5978.669.669', 'V3'],
  ['5977.1131.1131', 'V3'],
  ['6079.60.0', 'V4'],
  ['6079.325.0', 'V4'],
])('microcode %s is %s', (microcode, generation) => {
  expect(generationOf(microcode)).toBe(generation);
});
