import { SaxesParser } from 'saxes';

/** An element with namespaces resolved: prefixes are the sender's choice and never compared. */
export interface XmlElement {
  readonly name: string;
  readonly namespace: string;
  readonly attributes: readonly XmlAttribute[];
  readonly children: readonly XmlElement[];
  /** Character data directly inside this element, entities decoded. */
  readonly text: string;
}

export interface XmlAttribute {
  readonly name: string;
  readonly namespace: string;
  readonly value: string;
}

interface OpenElement {
  name: string;
  namespace: string;
  attributes: XmlAttribute[];
  children: XmlElement[];
  text: string;
}

/** The parser looks prefixes up level by level, so the cost of a document grows with length times depth. */
const MAX_DEPTH = 100;
const MAX_ATTRIBUTES = 1000;

/**
 * Parses one document. Throws an `Error`, with line and column where the input is malformed. Refuses document type
 * declarations (entity bombs), more than 100 levels of elements, and more than 1000 attributes of one element.
 */
export function parseXml(document: string): XmlElement {
  const parser = new SaxesParser({ xmlns: true });
  const open: OpenElement[] = [];
  let root: XmlElement | undefined;
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('doctype', () => {
    throw new Error('document type declarations are not accepted');
  });
  let attributeCount = 0;
  parser.on('opentagstart', () => {
    if (open.length >= MAX_DEPTH) throw new Error(`more than ${MAX_DEPTH} levels of elements are not accepted`);
    attributeCount = 0;
  });
  parser.on('attribute', () => {
    attributeCount += 1;
    if (attributeCount > MAX_ATTRIBUTES) throw new Error(`more than ${MAX_ATTRIBUTES} attributes are not accepted`);
  });
  parser.on('opentag', (tag) => {
    const attributes = Object.values(tag.attributes).map((attribute) => ({
      name: attribute.local,
      namespace: attribute.uri,
      value: attribute.value,
    }));
    open.push({ name: tag.local, namespace: tag.uri, attributes, children: [], text: '' });
  });
  const addText = (text: string) => {
    const current = open.at(-1);
    if (current) current.text += text;
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('closetag', () => {
    const closed = open.pop();
    if (!closed) return;
    const parent = open.at(-1);
    if (parent) parent.children.push(closed);
    else root = closed;
  });
  parser.write(document).close();
  if (!root) throw new Error('no root element');
  return root;
}

/** The first child of that local name, whatever its namespace. */
export function childOf(element: XmlElement | undefined, name: string): XmlElement | undefined {
  return element?.children.find((child) => child.name === name);
}

export function childrenOf(element: XmlElement | undefined, name: string): readonly XmlElement[] {
  return element?.children.filter((child) => child.name === name) ?? [];
}

/** Follows local names from an element downwards: `descend(envelope, 'Body', 'Fault')`. */
export function descend(element: XmlElement | undefined, ...names: readonly string[]): XmlElement | undefined {
  return names.reduce<XmlElement | undefined>((current, name) => childOf(current, name), element);
}

/** An attribute's value by local name; with a namespace only that one. */
export function attributeOf(element: XmlElement, name: string, namespace?: string): string | undefined {
  return element.attributes.find(
    (attribute) => attribute.name === name && (namespace === undefined || attribute.namespace === namespace),
  )?.value;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  // Written plainly, a parser would make a blank or a line feed of them (XML 1.0, 2.11 and 3.3.3).
  '\t': '&#x9;',
  '\n': '&#xA;',
  '\r': '&#xD;',
};

/** Text for element content or attribute values; characters XML 1.0 cannot carry are dropped. */
export function escapeXml(text: string): string {
  let escaped = '';
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (isXmlCharacter(code)) escaped += ESCAPES[character] ?? character;
  }
  return escaped;
}

/** XML 1.0, production 2: no control characters, no lone surrogates. */
function isXmlCharacter(code: number): boolean {
  if (code < 0x20) return code === 0x09 || code === 0x0a || code === 0x0d;
  return (code < 0xd800 || code > 0xdfff) && code !== 0xfffe && code !== 0xffff;
}
