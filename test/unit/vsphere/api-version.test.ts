import { chooseApiVersion } from '../../../src/vsphere/api-version.ts';

const versions = (newest: string, ...prior: readonly string[]): string => `<?xml version="1.0" encoding="UTF-8" ?>
<namespaces version="1.0">
 <namespace><name>urn:sms</name><version>9.9</version></namespace>
 <namespace>
  <name>urn:vim25</name>
  <version>${newest}</version>
  <priorVersions>${prior.map((version) => `<version>${version}</version>`).join('')}</priorVersions>
 </namespace>
</namespaces>`;

test.each([
  ['an older server gets its own newest version', versions('7.0.3.2', '7.0.3.0', '6.7', '6.5'), '7.0.3.2'],
  ['a newer server gets the newest version both know', versions('9.0.0.0', '8.0.3.0', '8.0.2.0', '7.0.3.2'), '8.0.3.0'],
  ['versions are compared as numbers', versions('8.0.10.0', '8.0.2.0', '8.0.3.0', '10.0'), '8.0.3.0'],
  ['a server without the document gets the oldest supported version', undefined, '7.0.0.0'],
  ['a document that cannot be read counts as none', '<html><body>sign in', '7.0.0.0'],
])('%s', (_promise, document, expected) => {
  expect(chooseApiVersion(document)).toBe(expected);
});
