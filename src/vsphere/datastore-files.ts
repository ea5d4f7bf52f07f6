import { SnaphookError } from '../ports/errors.ts';
import { errorOfStatus, VimFaultError } from './faults.ts';
import type { Session } from './session.ts';

/** Far above any configuration: a file system's firmware settings take a few hundred KiB. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/** A file of a datastore in words of vCenter. */
export interface DatastoreFile {
  /** Inventory path of the datacenter, names as stored. */
  readonly datacenterPath: string;
  readonly datastore: string;
  /** From the root of the datastore, `/` separators. */
  readonly path: string;
}

/**
 * Reads a small file of a datastore through vCenter (vSphere Web Services SDK: HTTP access to vSphere server files, `/folder`). The
 * account needs `Datastore.Browse` and `Datastore.FileManagement` on the datacenter and the datastore. A redirection is refused: whoever
 * it leads to would need a trust of its own. Errors: `E_VCENTER_RIGHTS`, `E_VCENTER`, `E_VCENTER_UNREACHABLE`.
 */
export async function readDatastoreFile(session: Session, file: DatastoreFile): Promise<Uint8Array> {
  const name = nameOf(file);
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  const status = await session.get(pathOf(file), `${READ} of "${name}"`, {
    write(bytes) {
      sizeBytes += bytes.length;
      if (sizeBytes <= MAX_FILE_BYTES) chunks.push(bytes);
      return sizeBytes <= MAX_FILE_BYTES;
    },
  });
  if (status !== 200) throw errorOfFile(session.server, READ, name, status);
  if (sizeBytes > MAX_FILE_BYTES) {
    throw new SnaphookError('E_VCENTER', `file "${name}" has more than ${MAX_FILE_BYTES} bytes`, {
      hint: 'It is no configuration file that vSphere writes: see what it is.',
    });
  }
  return Buffer.concat(chunks);
}

/**
 * Writes a small file whole, over one of its name if there is one, and reads it back. Same rights, same errors; the folder must be there.
 * An error does not tell whether the file is there.
 */
export async function writeDatastoreFile(session: Session, file: DatastoreFile, content: Uint8Array): Promise<void> {
  const name = nameOf(file);
  const status = await session.put(pathOf(file), `${WRITE} of "${name}"`, content);
  if (status < 200 || status > 299) throw errorOfFile(session.server, WRITE, name, status);
  const found = await readDatastoreFile(session, file);
  if (Buffer.from(content).equals(found)) return;
  throw new SnaphookError('E_VCENTER', `file "${name}" is not what "${session.server}" was given`, {
    hint: 'See the events of the datastore: it may be full.',
  });
}

const nameOf = ({ datastore, path }: DatastoreFile): string => `[${datastore}] ${path}`;

const pathOf = ({ datacenterPath, datastore, path }: DatastoreFile): string =>
  `/folder/${path.split('/').map(encodeURIComponent).join('/')}?dcPath=${encodeURIComponent(datacenterPath)}&dsName=${encodeURIComponent(datastore)}`;

const READ = 'GET /folder';
const WRITE = 'PUT /folder';
const WITHOUT: Readonly<Record<typeof READ | typeof WRITE, string>> = {
  [READ]: 'Set `configurationFiles: off` if it never gives them.',
  [WRITE]: 'Restore without the settings of the firmware: `--no-nvram`.',
};

function errorOfFile(
  server: string,
  operation: keyof typeof WITHOUT,
  name: string,
  status: number,
): SnaphookError | VimFaultError {
  if (status >= 300 && status <= 399) {
    return new SnaphookError('E_VCENTER', `"${server}" leads elsewhere for file "${name}" (HTTP status ${status})`, {
      hint: `Only vCenter itself has proven who it is; nobody else is asked. ${WITHOUT[operation]}`,
    });
  }
  switch (status) {
    case 401:
      return new VimFaultError(operation, NOT_AUTHENTICATED);
    case 403:
      return new SnaphookError(
        'E_VCENTER_RIGHTS',
        `"${server}" does not let this account ${operation === READ ? 'read' : 'write'} file "${name}"`,
        {
          hint: `It needs Datastore.Browse and Datastore.FileManagement on the datacenter and on the datastore.${operation === WRITE ? ` ${WITHOUT[WRITE]}` : ''}`,
        },
      );
    case 404:
      return new SnaphookError('E_VCENTER', `"${server}" has no file "${name}", or does not show it to this account`, {
        hint: 'See whether it lies there in the datastore browser. The account needs Datastore.Browse and Datastore.FileManagement on the datacenter and on the datastore.',
      });
    default:
      return errorOfStatus(server, `${operation} of "${name}"`, status);
  }
}

/** As a call of the API says it: the session is gone, and a new one is tried. */
const NOT_AUTHENTICATED = {
  type: 'NotAuthenticated',
  message: 'the session is not authenticated',
  object: undefined,
  privilegeId: undefined,
  property: undefined,
  task: undefined,
  file: undefined,
} as const;
