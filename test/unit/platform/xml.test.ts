import fc from 'fast-check';
import { attributeOf, childOf, childrenOf, descend, escapeXml, parseXml } from '../../../src/platform/xml.ts';

test('names are told by namespace and local name, whatever prefix the sender chose', () => {
  const documents = [
    '<a:Envelope xmlns:a="urn:one" xmlns:b="urn:two"><b:Body b:id="7" id="8"/></a:Envelope>',
    '<Envelope xmlns="urn:one"><Body xmlns="urn:two" xmlns:x="urn:two" x:id="7" id="8"/></Envelope>',
  ];
  for (const root of documents.map(parseXml)) {
    const body = childOf(root, 'Body');
    expect([root.name, root.namespace]).toEqual(['Envelope', 'urn:one']);
    expect(body?.namespace).toBe('urn:two');
    expect(body && attributeOf(body, 'id', 'urn:two')).toBe('7');
    expect(body && attributeOf(body, 'id', '')).toBe('8');
    expect(body && attributeOf(body, 'id', 'urn:three')).toBeUndefined();
  }
});

test('a namespace ends with the element that declared it', () => {
  const root = parseXml('<r xmlns="urn:out"><a xmlns="urn:in"><b/></a><b/><c xmlns=""/></r>');

  expect(descend(root, 'a', 'b')?.namespace).toBe('urn:in');
  expect(root.children.map(({ namespace }) => namespace)).toEqual(['urn:in', 'urn:out', '']);
});

test('children are found by local name, and what is not there is undefined or empty', () => {
  const root = parseXml('<r><a>1</a><b><c>deep</c></b><a>2</a></r>');

  expect(childrenOf(root, 'a').map(({ text }) => text)).toEqual(['1', '2']);
  expect(childOf(root, 'a')?.text).toBe('1');
  expect(descend(root, 'b', 'c')?.text).toBe('deep');
  expect(descend(root, 'x', 'c')).toBeUndefined();
  expect(childrenOf(undefined, 'a')).toEqual([]);
});

test('entities and character references are decoded, CDATA is text as it stands, comments are nothing', () => {
  const root = parseXml('<r a="&lt;&quot;&#x20AC;">a&amp;b&#65;<![CDATA[<&amp;>]]><!-- no -->!<i>inner</i>?</r>');

  expect(root.text).toBe('a&bA<&amp;>!?');
  expect(attributeOf(root, 'a')).toBe('<"€');
  expect(childOf(root, 'i')?.text).toBe('inner');
});

test.each([
  ['nothing', ''],
  ['blanks', '  \n'],
  ['plain text', 'hello'],
  ['an open element', '<a><b></b>'],
  ['a wrong end', '<a></b>'],
  ['two roots', '<a/><b/>'],
  ['text after the root', '<a/>text'],
  ['an unknown entity', '<a>&nbsp;</a>'],
  ['a bare ampersand', '<a>x & y</a>'],
  ['an undeclared prefix', '<x:a/>'],
  ['an undeclared prefix of an attribute', '<a x:b="1"/>'],
  ['an attribute given twice', '<a b="1" b="2"/>'],
  ['one attribute under two prefixes', '<a xmlns:x="urn:1" xmlns:y="urn:1" x:b="1" y:b="2"/>'],
  ['an attribute without quotes', '<a b=1/>'],
  ['a control character', '<a>\u0001</a>'],
  ['a reference to a character XML cannot carry', '<a>&#0;</a>'],
])('%s is refused', (_what, document) => {
  expect(() => parseXml(document)).toThrow();
});

test('malformed input is told with line and column', () => {
  expect(() => parseXml('<a>\n  <b></c>\n</a>')).toThrow(/^2:\d+: /);
});

test.each([
  ['entities', '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'],
  ['a file', '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'],
  ['nothing', '<!DOCTYPE a><a/>'],
])('a document type with %s is refused', (_what, document) => {
  expect(() => parseXml(document)).toThrow('document type declarations are not accepted');
});

test('a hundred levels are read, one more is refused', () => {
  const nested = (levels: number) => '<a>'.repeat(levels) + '</a>'.repeat(levels);

  expect(parseXml(nested(100)).children).toHaveLength(1);
  expect(() => parseXml(nested(101))).toThrow('more than 100 levels');
  expect(() => parseXml(`${'<a>'.repeat(100)}<b/>${'</a>'.repeat(100)}`)).toThrow('more than 100 levels');
});

test('a thousand attributes are read, one more is refused; namespace declarations count', () => {
  const plain = (count: number) => `<a ${Array.from({ length: count }, (_, index) => `a${index}="1"`).join(' ')}/>`;
  const declarations = Array.from({ length: 1001 }, (_, index) => `xmlns:a${index}="urn:${index}"`).join(' ');

  expect(parseXml(plain(1000)).attributes).toHaveLength(1000);
  expect(() => parseXml(plain(1001))).toThrow('more than 1000 attributes');
  expect(() => parseXml(`<a ${declarations}/>`)).toThrow('more than 1000 attributes');
  expect(parseXml(`<r>${plain(600).repeat(2)}</r>`).children).toHaveLength(2);
});

/** Quadratic work on these would take minutes. */
test.each([
  ['deep nesting', () => '<a>'.repeat(200_000), 'refused'],
  ['very many attributes', () => `<a ${Array.from({ length: 300_000 }, (_, i) => `a${i}=""`).join(' ')}/>`, 'refused'],
  ['very many siblings', () => `<r xmlns:p="urn:p">${'<p:a/>'.repeat(200_000)}</r>`, 'read'],
  ['long text', () => `<r>${'some words\n'.repeat(400_000)}</r>`, 'read'],
  ['text of entities', () => `<r>${'&amp;x'.repeat(400_000)}</r>`, 'read'],
  ['text in pieces', () => `<r>${'x<!----><![CDATA[y]]>'.repeat(200_000)}</r>`, 'read'],
  ['a long attribute', () => `<r a="${'x&lt;'.repeat(400_000)}"/>`, 'read'],
] as const)('%s is dealt with in seconds', (_what, document, outcome) => {
  const text = document();
  const startedMs = performance.now();

  if (outcome === 'read') parseXml(text);
  else expect(() => parseXml(text)).toThrow('not accepted');

  expect(performance.now() - startedMs).toBeLessThan(10_000);
});

const carried = fc
  .string({ unit: 'binary' })
  .filter((text) => !/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(text));

test('whatever text XML can carry comes back from content and attribute as it was, line ends and tabs too', () => {
  fc.assert(
    fc.property(
      fc.oneof(carried, fc.string({ unit: fc.constantFrom('\r', '\n', '\t', ' ', ']]>', '&', "'") })),
      (text) => {
        const root = parseXml(`<r a="${escapeXml(text)}" b='${escapeXml(text)}'>${escapeXml(text)}</r>`);
        expect([root.text, attributeOf(root, 'a'), attributeOf(root, 'b')]).toEqual([text, text, text]);
      },
    ),
  );
});

test('characters XML cannot carry are dropped', () => {
  expect(escapeXml('a\u0000b\u001fc\ufffed\ud800e\u{1f600}f')).toBe('abcde\u{1f600}f');
});
