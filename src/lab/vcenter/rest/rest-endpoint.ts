import { randomBytes } from 'node:crypto';
import type { LabAnswer, LabRequest } from '../../world/http-server.ts';
import type { ServerContext } from '../server-context.ts';
import type { LabUser } from '../sessions.ts';
import { RestError } from './rest-call.ts';
import { taggingRoutes } from './tagging.ts';

interface RestSession {
  readonly user: LabUser;
  lastUsedMs: number;
}

const SESSION_PATH = '/api/session';
const SESSION_HEADER = 'vmware-api-session-id';

/** vCenter's REST API (`/api`, since 7.0 U2) with sessions of its own, as far as tags need it. */
export class RestEndpoint {
  readonly #server: ServerContext;
  readonly #idleMs: number;
  readonly #sessions = new Map<string, RestSession>();

  constructor(server: ServerContext, idleMs: number) {
    this.#server = server;
    this.#idleMs = idleMs;
  }

  get sessionCount(): number {
    this.#expire();
    return this.#sessions.size;
  }

  endAll(): void {
    this.#sessions.clear();
  }

  answer(request: LabRequest): LabAnswer {
    try {
      return this.#serve(request);
    } catch (error) {
      if (!(error instanceof RestError)) throw error;
      const body = { error_type: error.type, messages: [{ args: [], default_message: error.message, id: error.type }] };
      return json(error.status, body);
    }
  }

  #serve(request: LabRequest): LabAnswer {
    if (request.url === SESSION_PATH && request.method === 'POST') return this.#open(request);
    const { token, session } = this.#sessionOf(request);
    if (request.url === SESSION_PATH && request.method === 'DELETE') {
      this.#sessions.delete(token);
      return { status: 204 };
    }
    const [pattern, route] = Object.entries(taggingRoutes).find(([name]) => fits(name, request)) ?? [];
    if (pattern === undefined || route === undefined) {
      this.#server.events.add('vcenter', 'unserved', `${request.method} ${request.url}`, '', { what: 'path' });
      throw new RestError(404, 'NOT_FOUND', 'Not found.');
    }
    const id = decodeURIComponent(request.url.replace(/\?.*$/, '').split('/').at(-1) ?? '');
    return json(200, route({ server: this.#server, user: session.user, id, body: bodyOf(request) }));
  }

  #open(request: LabRequest): LabAnswer {
    const encoded = /^Basic\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const [name, ...rest] = Buffer.from(encoded ?? '', 'base64')
      .toString('utf8')
      .split(':');
    const user = this.#server.users.find((one) => one.name === name && one.password === rest.join(':'));
    if (!user) throw unauthenticated();
    const token = randomBytes(16).toString('hex');
    this.#sessions.set(token, { user, lastUsedMs: performance.now() });
    return json(201, token);
  }

  #sessionOf({ headers }: LabRequest): { token: string; session: RestSession } {
    this.#expire();
    const header = headers[SESSION_HEADER];
    const token = Array.isArray(header) ? (header[0] ?? '') : (header ?? '');
    const session = this.#sessions.get(token);
    if (!session) throw unauthenticated();
    session.lastUsedMs = performance.now();
    return { token, session };
  }

  #expire(): void {
    const oldestMs = performance.now() - this.#idleMs;
    for (const [token, { lastUsedMs }] of this.#sessions) if (lastUsedMs < oldestMs) this.#sessions.delete(token);
  }
}

const unauthenticated = () => new RestError(401, 'UNAUTHENTICATED', 'Authentication required.');

const json = (status: number, body: unknown): LabAnswer => ({
  status,
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(body),
});

function fits(name: string, { method, url }: LabRequest): boolean {
  const [path = '', query] = url.split('?');
  const [wantedPath = '', wantedQuery] = name.slice(name.indexOf(' ') + 1).split('?');
  const segments = path.split('/');
  const wanted = wantedPath.split('/');
  return (
    name.startsWith(`${method} `) &&
    query === wantedQuery &&
    segments.length === wanted.length &&
    wanted.every((segment, index) => segment === '*' || segment === segments[index])
  );
}

function bodyOf({ body, headers }: LabRequest): unknown {
  if (body.length === 0) return undefined;
  if (!/^application\/json\b/.test(headers['content-type'] ?? ''))
    throw new RestError(415, 'INVALID_ARGUMENT', 'Unsupported media type.');
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new RestError(400, 'INVALID_ARGUMENT', 'Malformed JSON.');
  }
}
