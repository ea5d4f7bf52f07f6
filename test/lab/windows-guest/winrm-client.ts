import http from 'node:http';
import https from 'node:https';
import { attributeOf, childrenOf, descend, parseXml, type XmlElement } from '../../../src/platform/xml.ts';
import { authenticateMessage, NtlmClientSession, negotiateMessage } from './ntlm-client.ts';

const SHELL = 'http://schemas.microsoft.com/wbem/wsman/1/windows/shell';
const TRANSFER = 'http://schemas.xmlsoap.org/ws/2004/09/transfer';
export const ACTION = {
  create: `${TRANSFER}/Create`,
  delete: `${TRANSFER}/Delete`,
  command: `${SHELL}/Command`,
  receive: `${SHELL}/Receive`,
  send: `${SHELL}/Send`,
  signal: `${SHELL}/Signal`,
} as const;

export interface HttpAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** One connection, kept alive, one request at a time. */
export class HttpConnection {
  readonly #url: string;
  readonly #agent: http.Agent;

  constructor(url: string, ca?: string) {
    this.#url = url;
    this.#agent = url.startsWith('https:')
      ? new https.Agent({ keepAlive: true, maxSockets: 1, ...(ca ? { ca } : {}) })
      : new http.Agent({ keepAlive: true, maxSockets: 1 });
  }

  post(headers: http.OutgoingHttpHeaders, body: Buffer | string = ''): Promise<HttpAnswer> {
    const content = Buffer.from(body);
    const options = { method: 'POST', agent: this.#agent, headers: { 'Content-Length': content.length, ...headers } };
    return new Promise((resolve, reject) => {
      const onResponse = (response: http.IncomingMessage) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
        );
      };
      const secure = this.#url.startsWith('https:');
      const request = secure
        ? https.request(this.#url, options, onResponse)
        : http.request(this.#url, options, onResponse);
      request.on('error', reject);
      request.end(content);
    });
  }

  /** Drops the connection as a dying client does. */
  destroy(): void {
    this.#agent.destroy();
  }
}

export interface SoapOptions {
  readonly shellId?: string;
  readonly options?: Readonly<Record<string, string>>;
  readonly timeout?: string;
  readonly maxEnvelope?: number;
  readonly header?: string;
}

export function soapRequest(action: string, body: string, options: SoapOptions = {}): string {
  const selector = options.shellId
    ? `<w:SelectorSet><w:Selector Name="ShellId">${options.shellId}</w:Selector></w:SelectorSet>`
    : '';
  const winrs = Object.entries(options.options ?? {}).map(
    ([name, value]) => `<w:Option Name="${name}">${value}</w:Option>`,
  );
  return (
    '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"' +
    ' xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" xmlns:r="http://schemas.microsoft.com/wbem/wsman/1/windows/shell">' +
    '<e:Header><a:To>http://localhost/wsman</a:To><a:ReplyTo><a:Address e:mustUnderstand="true">' +
    'http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo>' +
    `<w:MaxEnvelopeSize e:mustUnderstand="true">${options.maxEnvelope ?? 153600}</w:MaxEnvelopeSize>` +
    '<a:MessageID>uuid:11111111-2222-3333-4444-555555555555</a:MessageID>' +
    `<w:OperationTimeout>${options.timeout ?? 'PT20S'}</w:OperationTimeout>` +
    `<w:ResourceURI e:mustUnderstand="true">${SHELL}/cmd</w:ResourceURI>` +
    `<a:Action e:mustUnderstand="true">${action}</a:Action>${selector}` +
    `<w:OptionSet>${winrs.join('')}</w:OptionSet>${options.header ?? ''}</e:Header><e:Body>${body}</e:Body></e:Envelope>`
  );
}

/** A reply: the body's first element, or the fault's code. */
export interface SoapReply {
  readonly status: number;
  readonly envelope: XmlElement;
  readonly faultCode: number | undefined;
}

export type Exchange = (text: string) => Promise<SoapReply>;

export interface Output {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly exitCode: number | undefined;
}

export function parseReply(status: number, text: string): SoapReply {
  const envelope = parseXml(text);
  const fault = descend(envelope, 'Body', 'Fault', 'Detail', 'WSManFault');
  return { status, envelope, faultCode: fault && Number(attributeOf(fault, 'Code')) };
}

export function basicExchange(connection: HttpConnection, user: string, password: string): Exchange {
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  return async (text) => {
    const headers = { Authorization: authorization, 'Content-Type': 'application/soap+xml;charset=UTF-8' };
    const answer = await connection.post(headers, text);
    return parseReply(answer.status, answer.body.toString());
  };
}

/** Logs on with NTLM and returns an exchange of sealed messages on that connection. */
export async function sealedExchange(connection: HttpConnection, user: string, password: string): Promise<Exchange> {
  return sealedBy(connection, await ntlmLogOn(connection, user, password));
}

export function sealedBy(connection: HttpConnection, session: NtlmClientSession): Exchange {
  return async (text) => {
    const plain = Buffer.from(text);
    const part = (type: string) => `--Encrypted Boundary\r\n\tContent-Type: ${type}\r\n`;
    const length = Buffer.from([16, 0, 0, 0]);
    const body = Buffer.concat([
      Buffer.from(
        `${part('application/HTTP-SPNEGO-session-encrypted')}\tOriginalContent: ` +
          `type=application/soap+xml;charset=UTF-8;Length=${plain.length}\r\n${part('application/octet-stream')}`,
      ),
      length,
      session.seal(plain),
      Buffer.from('--Encrypted Boundary--\r\n'),
    ]);
    const protocol = 'application/HTTP-SPNEGO-session-encrypted';
    const contentType = `multipart/encrypted;protocol="${protocol}";boundary="Encrypted Boundary"`;
    const answer = await connection.post({ 'Content-Type': contentType }, body);
    if (!answer.headers['content-type']?.startsWith('multipart/encrypted')) {
      throw new Error(`unsealed answer ${answer.status}`);
    }
    const at = answer.body.indexOf('octet-stream\r\n') + 'octet-stream\r\n'.length + 4;
    const sealed = answer.body.subarray(at, answer.body.lastIndexOf('--Encrypted Boundary--'));
    return parseReply(answer.status, session.unseal(sealed).toString());
  };
}

export async function ntlmLogOn(
  connection: HttpConnection,
  user: string,
  password: string,
): Promise<NtlmClientSession> {
  const negotiate = negotiateMessage();
  const authorization = (token: Buffer) => ({ Authorization: `Negotiate ${token.toString('base64')}` });
  const first = await connection.post(authorization(negotiate));
  const token = /^Negotiate (\S+)$/.exec(first.headers['www-authenticate'] ?? '')?.[1] ?? '';
  const { message, sessionKey } = authenticateMessage(negotiate, Buffer.from(token, 'base64'), { user, password });
  const second = await connection.post(authorization(message));
  if (second.status !== 200) throw new Error(`log-on answered ${second.status}`);
  return new NtlmClientSession(sessionKey);
}

/** The remote shell's operations over an exchange; a fault is thrown as `fault <code>`. */
export class ShellClient {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  async call(action: string, body: string, options: SoapOptions = {}): Promise<XmlElement | undefined> {
    const reply = await this.#exchange(soapRequest(action, body, options));
    if (reply.faultCode !== undefined) throw new Error(`fault ${reply.faultCode}`);
    return descend(reply.envelope, 'Body')?.children[0];
  }

  async create(body = '', options: SoapOptions = {}): Promise<string> {
    const content = `<r:Shell><r:InputStreams>stdin</r:InputStreams><r:OutputStreams>stdout stderr</r:OutputStreams>${body}</r:Shell>`;
    const created = await this.call(ACTION.create, content, { options: { WINRS_CODEPAGE: '65001' }, ...options });
    const selector = descend(created, 'ReferenceParameters', 'SelectorSet', 'Selector');
    return selector?.text ?? '';
  }

  async command(shellId: string, line: string, options: Readonly<Record<string, string>> = {}): Promise<string> {
    const escaped = line.replace(/&/g, '&amp;').replace(/</g, '&lt;');
    const body = `<r:CommandLine><r:Command>${escaped}</r:Command></r:CommandLine>`;
    const answer = await this.call(ACTION.command, body, { shellId, options });
    return descend(answer, 'CommandId')?.text ?? '';
  }

  async send(shellId: string, commandId: string, data: Buffer | string, end = false): Promise<void> {
    const text = Buffer.from(data).toString('base64');
    const stream = `<r:Stream Name="stdin" CommandId="${commandId}"${end ? ' End="true"' : ''}>${text}</r:Stream>`;
    await this.call(ACTION.send, `<r:Send>${stream}</r:Send>`, { shellId });
  }

  async signal(shellId: string, commandId: string, name: string): Promise<void> {
    const body = `<r:Signal CommandId="${commandId}"><r:Code>${SHELL}/signal/${name}</r:Code></r:Signal>`;
    await this.call(ACTION.signal, body, { shellId });
  }

  async delete(shellId: string): Promise<void> {
    await this.call(ACTION.delete, '', { shellId });
  }

  async receive(shellId: string, commandId: string, timeout = 'PT20S'): Promise<Output> {
    const body = `<r:Receive><r:DesiredStream CommandId="${commandId}">stdout stderr</r:DesiredStream></r:Receive>`;
    const answer = await this.call(ACTION.receive, body, { shellId, timeout });
    const bytes = (name: string) =>
      Buffer.concat(
        childrenOf(answer, 'Stream')
          .filter((stream) => attributeOf(stream, 'Name') === name)
          .map((stream) => Buffer.from(stream.text, 'base64')),
      );
    const state = descend(answer, 'CommandState');
    const done = state && attributeOf(state, 'State')?.endsWith('/Done');
    const exitCode = done ? Number(descend(state, 'ExitCode')?.text) : undefined;
    return { stdout: bytes('stdout'), stderr: bytes('stderr'), exitCode };
  }

  /** Runs a command to its end. */
  async run(shellId: string, line: string, options: Readonly<Record<string, string>> = {}): Promise<Output> {
    const commandId = await this.command(shellId, line, options);
    let stdout = Buffer.alloc(0);
    let stderr = Buffer.alloc(0);
    for (;;) {
      const part = await this.receive(shellId, commandId);
      stdout = Buffer.concat([stdout, part.stdout]);
      stderr = Buffer.concat([stderr, part.stderr]);
      if (part.exitCode === undefined) continue;
      await this.signal(shellId, commandId, 'terminate');
      return { stdout, stderr, exitCode: part.exitCode };
    }
  }
}
