import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAuthority, issueCertificate } from '../../../../../src/lab/world/certificates.ts';
import { attributeOf, descend, parseXml, type XmlElement } from '../../../../../src/platform/xml.ts';

export interface PeerCall {
  /** Last part of the action: `Create`, `Receive`, ... */
  readonly action: string;
  readonly envelope: XmlElement;
  readonly authorization: string | undefined;
}

export type PeerReply =
  | { readonly status: number; readonly body: string /** WWW-Authenticate. */; readonly challenge?: string }
  | 'drop'
  | 'hang';

export interface WinRmPeer {
  readonly port: number;
  readonly ca: string;
  /** The server's own certificate, PEM. */
  readonly certificate: string;
  readonly calls: readonly PeerCall[];
  connections(): number;
  close(): Promise<void>;
}

const SHELL = 'http://schemas.microsoft.com/wbem/wsman/1/windows/shell';

/** A HTTPS server that answers as the test says: for what no orderly WinRM service does. */
export async function startWinRmPeer(reply: (call: PeerCall) => PeerReply | Promise<PeerReply>): Promise<WinRmPeer> {
  const authority = await createAuthority();
  const calls: PeerCall[] = [];
  let connections = 0;
  const pair = await issueCertificate(authority, 'peer.lab');
  const server = https.createServer(pair, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer); // a request stream in flowing mode yields buffers
    const envelope = parseXml(Buffer.concat(chunks).toString('utf8') || '<empty/>');
    const action = descend(envelope, 'Header', 'Action')?.text.split('/').at(-1) ?? '';
    const call = { action, envelope, authorization: request.headers.authorization };
    calls.push(call);
    const answer = await reply(call);
    if (answer === 'drop') request.socket.destroy();
    if (typeof answer === 'string') return;
    if (answer.challenge) response.setHeader('WWW-Authenticate', answer.challenge);
    response.writeHead(answer.status, { 'Content-Type': 'application/soap+xml;charset=UTF-8' }).end(answer.body);
  });
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port, // listening on TCP
    ca: authority.certificate,
    certificate: pair.cert,
    calls,
    connections: () => connections,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A SOAP answer; its prefixes are not the client's. */
export const soap = (body: string, status = 200): PeerReply => ({
  status,
  body:
    `<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:r="${SHELL}"` +
    ` xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"><e:Header/><e:Body>${body}</e:Body></e:Envelope>`,
});

export const fault = (code: number, text = 'no'): PeerReply =>
  soap(
    '<e:Fault><e:Code><e:Value>e:Receiver</e:Value></e:Code><e:Reason><e:Text>reason</e:Text></e:Reason>' +
      `<e:Detail><f:WSManFault Code="${code}"><f:Message>${text}</f:Message></f:WSManFault></e:Detail></e:Fault>`,
    500,
  );

export const received = (chunks: readonly Buffer[], exitCode?: number): PeerReply => {
  const streams = chunks.map((chunk) => `<r:Stream Name="stdout">${chunk.toString('base64')}</r:Stream>`).join('');
  const state = exitCode === undefined ? 'Running' : 'Done';
  const exit = exitCode === undefined ? '' : `<r:ExitCode>${exitCode}</r:ExitCode>`;
  const commandState = `<r:CommandState State="${SHELL}/CommandState/${state}">${exit}</r:CommandState>`;
  return soap(`<r:ReceiveResponse>${streams}${commandState}</r:ReceiveResponse>`);
};

export const inputOf = (call: PeerCall): string => {
  const stream = descend(call.envelope, 'Body', 'Send', 'Stream');
  return Buffer.from(stream?.text ?? '', 'base64').toString('utf8');
};

export const optionsOf = (call: PeerCall): Readonly<Record<string, string>> => {
  const options = descend(call.envelope, 'Header', 'OptionSet')?.children ?? [];
  return Object.fromEntries(options.map((option) => [attributeOf(option, 'Name') ?? '', option.text]));
};

/** What one Receive gives: bytes, the end of the program, or a broken connection. */
export type HelperOutput = Buffer | { readonly exitCode: number } | 'drop';

/** A WinRM peer with one program in it that answers input as the test says. */
export async function startScriptedHelper(
  respond: (input: string) => readonly HelperOutput[],
  greeting: readonly HelperOutput[],
): Promise<WinRmPeer> {
  const queue = [...greeting];
  let wake: () => void = () => undefined;
  return await startWinRmPeer(async (call) => {
    if (call.action === 'Create') return soap('<r:Shell><r:ShellId>S1</r:ShellId></r:Shell>');
    if (call.action === 'Command') return soap('<r:CommandResponse><r:CommandId>C1</r:CommandId></r:CommandResponse>');
    if (call.action === 'Send') {
      queue.push(...respond(inputOf(call)));
      wake();
      return soap('<r:SendResponse/>');
    }
    if (call.action !== 'Receive') return soap('');
    if (queue.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    const output = queue.shift();
    if (output === 'drop') return 'drop';
    return Buffer.isBuffer(output) ? received([output]) : received([], output?.exitCode);
  });
}
