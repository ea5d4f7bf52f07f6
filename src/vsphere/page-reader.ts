import { SaxesParser } from 'saxes';

/** Takes the text of an answer as it arrives. */
export interface TextSink {
  write(text: string): void;
}

interface OpenElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>> | undefined;
  children: Record<string, unknown> | undefined;
  text: string;
}

/** Envelope, body, answer, `returnval`, and then the data, whose depth the vim25 schema limits to far less. */
const MAX_DEPTH = 200;
const RETURN_VALUE_DEPTH = 4;

/**
 * Reads the answer of a PropertyCollector call while it arrives, into the shapes that `decode.ts` reads. The `soap` package
 * parses three times slower, and only what has arrived as a whole: of a thousand VMs that is seconds.
 */
export class PageReader implements TextSink {
  readonly #answer: string;
  readonly #parser = new SaxesParser({ xmlns: false });
  readonly #open: OpenElement[] = [];
  #isAnswer = false;
  #failed = false;
  #result: unknown;

  constructor(operation: string) {
    this.#answer = `${operation}Response`;
    const parser = this.#parser;
    parser.on('error', (error) => {
      throw error;
    });
    parser.on('doctype', () => {
      throw new Error('document type declarations are not accepted');
    });
    parser.on('opentag', ({ name, attributes }) => this.#opened(localName(name), attributes));
    const addText = (text: string) => {
      const current = this.#open.at(-1);
      if (current) current.text += text;
    };
    parser.on('text', addText);
    parser.on('cdata', addText);
    parser.on('closetag', () => this.#closed());
  }

  /** Never throws: what is wrong is told at the end. */
  write(text: string): void {
    if (this.#failed) return;
    try {
      this.#parser.write(text);
    } catch {
      this.#failed = true;
    }
  }

  /** Its `returnval`, undefined when it has none; or that the text was no answer to the operation. */
  end(): { readonly returnval: unknown } | 'no answer' {
    try {
      if (!this.#failed) this.#parser.close();
    } catch {
      this.#failed = true;
    }
    return this.#failed || !this.#isAnswer ? 'no answer' : { returnval: this.#result };
  }

  #opened(name: string, attributes: Readonly<Record<string, string>>): void {
    if (this.#open.length >= MAX_DEPTH) throw new Error(`more than ${MAX_DEPTH} levels of elements are not accepted`);
    if (this.#open.length === RETURN_VALUE_DEPTH - 2 && name === this.#answer) this.#isAnswer = true;
    const given = Object.keys(attributes).length === 0 ? undefined : attributes;
    this.#open.push({ name, attributes: given, children: undefined, text: '' });
  }

  #closed(): void {
    const element = this.#open.pop();
    const parent = this.#open.at(-1);
    if (!element || !parent) return;
    const depth = this.#open.length + 1;
    if (depth < RETURN_VALUE_DEPTH) return;
    const value = decodedElement(element);
    if (depth === RETURN_VALUE_DEPTH) {
      if (element.name === 'returnval' && this.#isAnswer) this.#result = value;
      return;
    }
    parent.children ??= {};
    addChild(parent.children, element.name, value);
  }
}

const localName = (name: string): string => name.slice(name.indexOf(':') + 1);

function decodedElement({ attributes, children, text }: OpenElement): unknown {
  if (children !== undefined) return attributes === undefined ? children : { attributes, ...children };
  if (attributes === undefined) return text === '' ? null : text;
  return text === '' ? { attributes } : { attributes, $value: text };
}

function addChild(children: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__') return; // no property of vim25, and not to be set as one of an object
  if (!Object.hasOwn(children, name)) {
    children[name] = value;
    return;
  }
  const known = children[name];
  if (Array.isArray(known)) known.push(value);
  else children[name] = [known, value];
}
