import { endpointOf, generationOf, negotiate } from '../../../src/powermax/version.ts';
import { fixture } from './fixture.ts';

test.each([
  ['version-9.2', 92, false],
  ['version-10.0', 100, false],
  ['version-10.1', 101, true],
])('%s is served by endpoint %i', (name, endpoint, bulkReads) => {
  expect(negotiate(fixture(name))).toMatchObject({ endpoint, bulkReads });
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
