import type { LabAnswer, LabCall, LabRequest } from '../world/http-server.ts';
import { datacenterOf, shownName } from './model/inventory-tree.ts';
import { datastoresIn, vmsOf } from './model/model.ts';
import type { DatacenterRecord } from './model/records.ts';
import { homeDirectory, homePath } from './model/vm-home.ts';
import { nvramNameOf, nvramOf, nvramPathOf } from './model/vm-nvram.ts';
import { vmxFile } from './properties/vm-file-contents.ts';
import type { ServerContext } from './server-context.ts';
import { hasPrivilege } from './sessions.ts';

const PRIVILEGES = ['Datastore.Browse', 'Datastore.FileManagement'];

/**
 * `GET /folder/<path>?dcPath=<datacenter>&dsName=<datastore>`: the configuration files of VMs. `PUT`: settings of firmware in the folder of a
 * VM that does not run. Lists of folders, other files and other methods are not served.
 */
export function folderCall(server: ServerContext, request: LabRequest): LabCall {
  const url = new URL(request.url, 'https://lab');
  const path = decodeURIComponent(url.pathname.slice('/folder/'.length));
  return { operation: `${request.method} /folder`, object: path, run: () => answer(server, request, url, path) };
}

function answer(server: ServerContext, request: LabRequest, { searchParams }: URL, path: string): LabAnswer {
  const session = server.sessions.find(request.headers.cookie);
  if (!session?.login)
    return { ...page(401), headers: { ...HTML, 'WWW-Authenticate': 'Basic realm="VMware HTTP server"' } };
  session.lastUsedMs = performance.now();
  const datacenter = server.model.rootFolder.children
    .filter((child) => child.type === 'Datacenter')
    .find(({ name }) => shownName(name) === searchParams.get('dcPath'));
  const datastore = datacenter && datastoresIn(datacenter).find(({ name }) => name === searchParams.get('dsName'));
  if (!datacenter || !datastore) return page(404);
  if (!PRIVILEGES.every((privilege) => hasPrivilege(session, privilege))) return page(403);
  if (request.method === 'PUT') return write(server, request, datacenter, `[${datastore.name}] ${path}`);
  if (request.method !== 'GET') return unserved(server, request, 'method');
  const file = fileAt(server, datacenter, `[${datastore.name}] ${path}`);
  if (!file) {
    // A folder or another kind of file may well be there.
    return unserved(server, request, 'file');
  }
  return {
    status: 200,
    headers: { 'Content-Type': 'application/octet-stream', 'Content-Length': String(file.length) },
    body: file,
  };
}

function fileAt(server: ServerContext, datacenter: DatacenterRecord, path: string): Buffer | undefined {
  for (const vm of vmsOf(server.model)) {
    if (datacenterOf(vm) !== datacenter) continue;
    if (homePath(vm.spec) === path) return vmxFile(vm);
    if (nvramPathOf(vm.spec) === path) return nvramOf(vm.spec);
  }
  return undefined;
}

/** A folder that is not there is not made. The file of a VM that runs is locked by its host. */
function write(server: ServerContext, request: LabRequest, datacenter: DatacenterRecord, path: string): LabAnswer {
  const folder = path.slice(0, path.lastIndexOf('/'));
  const vm = vmsOf(server.model).find((one) => datacenterOf(one) === datacenter && homeDirectory(one.spec) === folder);
  if (!vm) return page(404);
  if (path !== nvramPathOf(vm.spec)) return unserved(server, request, 'method');
  if (vm.spec.powerState === 'poweredOn') return page(500);
  const wasThere = nvramOf(vm.spec) !== undefined;
  vm.spec = { ...vm.spec, nvramFiles: { [nvramNameOf(vm.spec)]: request.body } };
  server.events.add('vcenter', 'effect', 'PUT /folder', vm.name);
  return page(wasThere ? 200 : 201);
}

function unserved(server: ServerContext, request: LabRequest, what: string): LabAnswer {
  server.events.add('vcenter', 'unserved', `${request.method} /folder`, '', { what });
  return page(what === 'method' ? 501 : 404);
}

const HTML = { 'Content-Type': 'text/html' };

const page = (status: number): LabAnswer => ({ status, headers: HTML, body: `<html><body>${status}</body></html>` });
