import { arrayItems, child, children, int64, text, typeOf } from '../../../src/vsphere/decode.ts';
import { PageReader } from '../../../src/vsphere/page-reader.ts';
import { answerOf } from './soap-answers.ts';

const OPERATION = 'RetrievePropertiesEx';

function read(parts: readonly string[]): unknown {
  const reader = new PageReader(OPERATION);
  for (const part of parts) reader.write(part);
  const end = reader.end();
  return end === 'no answer' ? end : end.returnval;
}

const PAGE = answerOf(
  OPERATION,
  `<returnval><token>0</token><objects><obj type="VirtualMachine">vm-1</obj>
<propSet><name>name</name><val xsi:type="xsd:string">Ärger &amp; &lt;Söhne&gt; 𝕊</val></propSet>
<propSet><name>size</name><val xsi:type="xsd:long">1152922127287604554</val></propSet>
<propSet><name>devices</name><val xsi:type="ArrayOfVirtualDevice">
<VirtualDevice xsi:type="VirtualDisk"><key>2000</key></VirtualDevice><VirtualDevice xsi:type="VirtualIDEController"><key>200</key></VirtualDevice>
</val></propSet></objects></returnval>`,
);

test('a page reads the same however it is cut into pieces', () => {
  const whole = read([PAGE]);
  for (const size of [1, 7, 64]) {
    const pieces = Array.from({ length: Math.ceil(PAGE.length / size) }, (_, nth) =>
      PAGE.slice(nth * size, (nth + 1) * size),
    );
    expect(read(pieces)).toEqual(whole);
  }
  const [name, size, devices] = children(child(whole, 'objects'), 'propSet').map((property) => child(property, 'val'));
  expect(text(child(whole, 'token'))).toBe('0');
  expect(text(name)).toBe('Ärger & <Söhne> 𝕊');
  expect(int64(size)).toBe(1152922127287604554n);
  expect(arrayItems(devices).map(typeOf)).toEqual(['VirtualDisk', 'VirtualIDEController']);
});

test('an answer without returnval is an empty one, and everything else is no answer', () => {
  expect(read([answerOf(OPERATION, '')])).toBeUndefined();
  for (const wrong of [
    '',
    '<html><body>Service unavailable</body></html>',
    answerOf('FindByUuid', '<returnval/>'),
    PAGE.slice(0, -20),
    PAGE.replace('</objects>', ''),
    PAGE.replace('<soapenv:Envelope', '<!DOCTYPE x [<!ENTITY y "z">]><soapenv:Envelope'),
    `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><x><${OPERATION}Response/></x></e:Body></e:Envelope>`,
    answerOf(OPERATION, `<returnval>${'<a>'.repeat(300)}${'</a>'.repeat(300)}</returnval>`),
  ]) {
    expect(read([wrong])).toBe('no answer');
  }
});

test('an element with the name of a property of every object is data or nothing', () => {
  const page = read([
    answerOf(OPERATION, '<returnval><__proto__><x>1</x></__proto__><constructor>2</constructor></returnval>'),
  ]);
  expect(Object.getPrototypeOf(page)).toBe(Object.prototype);
  expect(text(child(page, 'constructor'))).toBe('2');
  expect(child(page, 'x')).toBeUndefined();
});
