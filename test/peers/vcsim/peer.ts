import { spawn } from 'node:child_process';
import https from 'node:https';
import { createInterface } from 'node:readline';
import * as z from 'zod';
import { VerifyingAgent } from '../../../src/platform/tls.ts';
import { escapeXml } from '../../../src/platform/xml.ts';

const Greeting = z.object({
  url: z.string(),
  username: z.string(),
  password: z.string(),
  fingerprint256: z.string(),
  vms: z.array(z.object({ name: z.string(), moRef: z.string(), instanceUuid: z.string() })).min(8),
  vmfs: z.string(),
  vvol: z.string(),
});
export type Peer = z.infer<typeof Greeting> & { stop(): void };

/** Starts the built `main.go`; see README.md. */
export async function startPeer(): Promise<Peer> {
  const binary = process.env.VCSIM_PEER;
  if (binary === undefined) throw new Error('set VCSIM_PEER to the built vcsim peer');
  const server = spawn(binary, { stdio: ['pipe', 'pipe', 'inherit'] });
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: server.stdout }).once('line', resolve);
    server.once('error', reject);
    server.once('exit', (code) => reject(new Error(`the peer ended with ${code}`)));
  });
  return { ...Greeting.parse(JSON.parse(line)), stop: () => server.stdin.end() };
}

/** Keys of the sessions of others; an administrator with a client of its own asks, and ends them on request. */
export async function otherSessions(peer: Peer, end: boolean): Promise<readonly string[]> {
  const { username, password } = peer;
  const login = await post(
    peer,
    undefined,
    `<Login xmlns="urn:vim25"><_this type="SessionManager">SessionManager</_this><userName>${escapeXml(username)}</userName><password>${escapeXml(password)}</password></Login>`,
  );
  const own = /<key>([^<]+)<\/key>/.exec(login.body)?.[1];
  const list = await post(
    peer,
    login.cookie,
    `<RetrievePropertiesEx xmlns="urn:vim25"><_this type="PropertyCollector">propertyCollector</_this>
<specSet><propSet><type>SessionManager</type><pathSet>sessionList</pathSet></propSet>
<objectSet><obj type="SessionManager">SessionManager</obj></objectSet></specSet><options/></RetrievePropertiesEx>`,
  );
  const keys = [...list.body.matchAll(/<key>([^<]+)<\/key>/g)].flatMap(([, key]) =>
    key === undefined || key === own ? [] : [key],
  );
  const session = (operation: string, rest = '') =>
    post(
      peer,
      login.cookie,
      `<${operation} xmlns="urn:vim25"><_this type="SessionManager">SessionManager</_this>${rest}</${operation}>`,
    );
  if (end) for (const key of keys) await session('TerminateSession', `<sessionId>${key}</sessionId>`);
  await session('Logout');
  return keys;
}

function post({ url, fingerprint256 }: Peer, cookie: string | undefined, body: string) {
  return new Promise<{ body: string; cookie: string | undefined }>((resolve, reject) => {
    const headers = {
      'content-type': 'text/xml',
      SOAPAction: 'urn:vim25/6.7',
      ...(cookie === undefined ? {} : { cookie }),
    };
    // The peer makes its certificate up, and told its fingerprint.
    const agent = new VerifyingAgent({ fingerprint256 });
    const request = https.request(url, { method: 'POST', agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => {
        if (response.statusCode !== 200) reject(new Error(`HTTP ${response.statusCode}: ${text}`));
        else resolve({ body: text, cookie: response.headers['set-cookie']?.[0]?.split(';')[0] });
      });
    });
    request.on('error', reject).on('close', () => agent.destroy());
    request.end(
      `<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>${body}</soapenv:Body></soapenv:Envelope>`,
    );
  });
}
