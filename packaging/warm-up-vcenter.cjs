// A vCenter for the warm-up: what a hook's first requests are answered with, until the login is refused. It stands in for `node:https`:
// on a real connection the pieces of an answer would come in other sizes each time.
const { EventEmitter } = require('node:events');
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const https = require('node:https');
const { tmpdir } = require('node:os');
const path = require('node:path');
const { Readable } = require('node:stream');

const envelope = (
  body,
) => `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>${body}</soapenv:Body></soapenv:Envelope>`;
const manager = (name, type, id) => `<${name} type="${type}">${id}</${name}>`;

const VERSIONS = `<?xml version="1.0" encoding="UTF-8"?><namespaces version="1.0"><namespace><name>urn:vim25</name>
<version>8.0.3.0</version><priorVersions><version>8.0.2.0</version></priorVersions></namespace></namespaces>`;
const CONTENT =
  envelope(`<RetrieveServiceContentResponse xmlns="urn:vim25"><returnval>${manager('rootFolder', 'Folder', 'group-d1')}
${manager('propertyCollector', 'PropertyCollector', 'propertyCollector')}<about><apiVersion>8.0.3.0</apiVersion></about>
${manager('sessionManager', 'SessionManager', 'SessionManager')}</returnval></RetrieveServiceContentResponse>`);
const REFUSED =
  envelope(`<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>Cannot complete login</faultstring>
<detail><InvalidLoginFault xmlns="urn:vim25" xsi:type="InvalidLogin"/></detail></soapenv:Fault>`);

function answerTo(body) {
  if (body === undefined) return { statusCode: 200, text: VERSIONS };
  if (body.includes('RetrieveServiceContent')) return { statusCode: 200, text: CONTENT };
  if (body.includes('Login')) return { statusCode: 500, text: REFUSED };
  throw new Error(`the warm-up has no answer to ${body}`);
}

function request() {
  const sent = new EventEmitter();
  sent.end = (body) => {
    const { statusCode, text } = answerTo(body?.toString());
    const answer = Object.assign(Readable.from([Buffer.from(text)]), { statusCode, complete: true, headers: {} });
    process.nextTick(() => sent.emit('response', answer));
  };
  return sent;
}

/** `require` for the program. */
exports.requireWithVcenter = (name) => (name === 'node:https' ? { ...https, request } : require(name));

/** A configuration file that names the vCenter, and where there is nothing else. */
exports.configurationFile = () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'snaphook-warm-up-'));
  process.on('exit', () => rmSync(folder, { recursive: true }));
  const secret = path.join(folder, 'secret');
  writeFileSync(secret, 'not the password\n', { mode: 0o600 });
  const file = path.join(folder, 'snaphook.yaml');
  writeFileSync(
    file,
    `version: 1
stateDirectory: ${folder}/state
vcenter:
  url: https://vcenter.invalid/sdk
  username: svc-snaphook@vsphere.local
  password: file:${secret}
arrays:
  - id: "000197900046"
    unisphere: https://unisphere.invalid:8443
    username: svc-snaphook
    password: file:${secret}
proxy:
  host: proxy01
jobs:
  nightly:
    vms: ["vm01"]
    freeze: none
    targetPool: SG-snaphook-pool
    exportDirectory: ${folder}/export
`,
  );
  return file;
};
