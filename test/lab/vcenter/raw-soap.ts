import https from 'node:https';
import { attributeOf, childOf, childrenOf, descend, parseXml, type XmlElement } from '../../../src/platform/xml.ts';

const XSI = 'http://www.w3.org/2001/XMLSchema-instance';

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** What a test sees of a SOAP answer. */
export interface SoapAnswer extends RawAnswer {
  /** `<XResponse>`; undefined on a fault. */
  readonly response: XmlElement | undefined;
  readonly returnval: XmlElement | undefined;
  readonly returnvals: readonly XmlElement[];
  readonly fault:
    | {
        readonly code: string;
        readonly message: string;
        readonly type: string;
        readonly detail: XmlElement | undefined;
      }
    | undefined;
}

/** A client that knows nothing but text over TLS: what it sends is exactly what the test wrote. */
export class RawSoap {
  readonly #port: number;
  readonly #ca: string;
  version: string | undefined = '8.0.3.0';
  cookie: string | undefined;
  /** Name space style of the envelopes it writes. */
  prefix: '' | 'vim25:' = '';

  constructor(port: number, ca: string) {
    this.#port = port;
    this.#ca = ca;
  }

  /** Another client of the same server, without a session. */
  sibling(): RawSoap {
    return new RawSoap(this.#port, this.#ca);
  }

  async http(method: string, path: string, body = '', headers: Record<string, string> = {}): Promise<RawAnswer> {
    return new Promise((resolve, reject) => {
      const request = https.request(
        { host: '127.0.0.1', port: this.#port, ca: this.#ca, method, path, headers, agent: false },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            text += chunk;
          });
          response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  }

  /** `content` is written without prefixes; with `prefix` every element gets it. */
  async call(operation: string, content: string, header = ''): Promise<SoapAnswer> {
    const inner = `<${operation} xmlns="urn:vim25">${content}</${operation}>`;
    const prefixed = inner
      .replace(' xmlns="urn:vim25"', '')
      .replace(/<(\/?)([A-Za-z_])/g, `<$1${this.prefix}$2`)
      .replace(/xsi:type="(?!xsd:)/g, 'xsi:type="vim25:');
    return this.send(
      `<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:vim25="urn:vim25" ` +
        `xmlns:xsi="${XSI}" xmlns:xsd="http://www.w3.org/2001/XMLSchema">${header}<e:Body>${this.prefix === '' ? inner : prefixed}</e:Body></e:Envelope>`,
    );
  }

  async send(envelope: string): Promise<SoapAnswer> {
    const raw = await this.http('POST', '/sdk', envelope, {
      'Content-Type': 'text/xml; charset="utf-8"',
      ...(this.version === undefined ? {} : { SOAPAction: `"urn:vim25/${this.version}"` }),
      ...(this.cookie === undefined ? {} : { Cookie: this.cookie }),
    });
    const setCookie = raw.headers['set-cookie'];
    if (setCookie) this.cookie = String(setCookie[0]).split(';')[0];
    if (!raw.text.startsWith('<?xml'))
      return { ...raw, response: undefined, returnval: undefined, returnvals: [], fault: undefined };
    const body = childOf(parseXml(raw.text), 'Body');
    const fault = childOf(body, 'Fault');
    const response = fault ? undefined : body?.children[0];
    const detail = descend(fault, 'detail')?.children[0];
    return {
      ...raw,
      response,
      returnval: childOf(response, 'returnval'),
      returnvals: childrenOf(response, 'returnval'),
      fault: fault && {
        code: childOf(fault, 'faultcode')?.text ?? '',
        message: childOf(fault, 'faultstring')?.text ?? '',
        type: (detail && attributeOf(detail, 'type', XSI)) ?? '',
        detail,
      },
    };
  }

  async login(userName = 'admin@vsphere.local', password = 'secret'): Promise<SoapAnswer> {
    return this.call(
      'Login',
      `<_this type="SessionManager">SessionManager</_this><userName>${userName}</userName><password>${password}</password>`,
    );
  }

  /** RetrievePropertiesEx with this inside `specSet`. */
  async retrieve(specSet: string, options = ''): Promise<SoapAnswer> {
    return this.call('RetrievePropertiesEx', `${COLLECTOR}<specSet>${specSet}</specSet><options>${options}</options>`);
  }

  /** The values of one object by path. */
  async properties(type: string, id: string, ...paths: readonly string[]): Promise<Map<string, XmlElement>> {
    const answer = await this.retrieve(
      `<propSet><type>${type}</type>${paths.map((path) => `<pathSet>${path}</pathSet>`).join('')}</propSet>` +
        `<objectSet><obj type="${type}">${id}</obj></objectSet>`,
    );
    if (answer.fault) throw new Error(`${answer.fault.type}: ${answer.fault.message}`);
    return propertiesOf(childOf(answer.returnval, 'objects'));
  }
}

export const COLLECTOR = '<_this type="PropertyCollector">propertyCollector</_this>';

export function propertiesOf(content: XmlElement | undefined): Map<string, XmlElement> {
  return new Map(
    childrenOf(content, 'propSet').map((entry) => {
      const value = childOf(entry, 'val');
      if (!value) throw new Error('a propSet without val');
      return [childOf(entry, 'name')?.text ?? '', value];
    }),
  );
}

export function xsiType(element: XmlElement | undefined): string | undefined {
  return element && attributeOf(element, 'type', XSI);
}

/** `names(config)`: the local names of the children in wire order. */
export function names(element: XmlElement | undefined): readonly string[] {
  return element?.children.map((child) => child.name) ?? [];
}

export function textAt(element: XmlElement | undefined, ...path: readonly string[]): string | undefined {
  return descend(element, ...path)?.text;
}
