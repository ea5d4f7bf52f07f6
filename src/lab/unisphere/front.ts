import type { LabAnswer, LabCall, LabRequest } from '../world/http-server.ts';
import type { RestAnswer } from './answers.ts';
import { authenticate, unauthorized } from './authentication.ts';
import { type Fields, parseBody, textOf } from './lenient-fields.ts';
import { notAuthorized, Refusal, serviceUnavailable } from './messages.ts';
import type { LabUser, RestCall, UnisphereState } from './rest-call.ts';
import { type RouteMatch, type Router, targetOf } from './router.ts';

const NOT_FOUND: RestAnswer = { status: 404, text: { contentType: 'text/plain', content: 'Not Found' } };

/** What a gateway says in front of paths it does not let through. */
const FORBIDDEN: RestAnswer = { status: 403, text: { contentType: 'text/html', content: '<h1>403 Forbidden</h1>' } };

const isDeviceListSnapVx = (path: string): boolean => path.includes('/private/{ver}/replication/');

/** A server that is busy or starting answers from its container, not from the API: this is no JSON. */
const BUSY_PAGE = {
  contentType: 'text/html',
  content:
    '<html><head><title>Service Unavailable</title></head><body><h1>503 - Service Unavailable</h1></body></html>',
};

/** As a real server sends them with every answer (public issue reports of csm). */
const FIXED_HEADERS = {
  'Content-Security-Policy': "default-src 'self'",
  'Referrer-Policy': 'no-referrer-when-downgrade',
  'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
  'X-Content-Security-Policy': "default-src 'self'",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'SAMEORIGIN',
  'X-Webkit-Csp': "default-src 'self'",
  'X-Xss-Protection': '1; mode=block',
};

/** Everything between the wire and the handlers: who asks, what for, how many at a time, and how the answer is spelled. */
export class Front {
  readonly #state: UnisphereState;
  readonly #users: readonly LabUser[];
  readonly #router: Router;
  #active = 0;

  constructor(state: UnisphereState, users: readonly LabUser[], router: Router) {
    this.#state = state;
    this.#users = users;
    this.#router = router;
  }

  identify(request: LabRequest): LabCall {
    const target = targetOf(request);
    const match = target && this.#router.find(request.method, target.segments);
    if (!target || !match || !this.#servesVersion(match)) {
      const path = target?.path ?? request.url;
      return {
        operation: `${request.method} ${path}`,
        object: '',
        run: () => this.#timed(request, async () => this.#unserved(request, path)),
      };
    }
    const { route, params } = match;
    const action = route.namesAction ? actionOf(request.body) : undefined;
    return {
      operation: action === undefined ? route.operation : `${route.operation} ${action}`,
      object: (route.object !== undefined && params[route.object]) || objectOf(request.body),
      run: () => this.#timed(request, (user) => this.#serve(request, match, target.query, user)),
    };
  }

  #servesVersion({ params }: RouteMatch): boolean {
    return params.ver === undefined || this.#state.release.supported.includes(Number(params.ver));
  }

  /** Authenticates, counts, measures, and spells the answer. */
  async #timed(request: LabRequest, run: (user: LabUser) => Promise<RestAnswer>): Promise<LabAnswer> {
    const startedMs = performance.now();
    this.#active += 1;
    try {
      const user = authenticate(request.headers.authorization, this.#users);
      const answer =
        typeof user === 'string' ? unauthorized(user) : await run(user).catch((error: unknown) => refused(error));
      return spell(answer, {
        'Restapi-Processing-Time': String(Math.round(performance.now() - startedMs)),
        'Restapi-Active-Session-Count': String(this.#active),
      });
    } finally {
      this.#active -= 1;
    }
  }

  async #serve(request: LabRequest, match: RouteMatch, query: URLSearchParams, user: LabUser): Promise<RestAnswer> {
    const { route, params } = match;
    if (route.method !== 'GET' && user.role !== 'admin') throw notAuthorized(user.name);
    const call: RestCall = {
      unisphere: this.#state,
      user,
      apiVersion: Number(params.ver ?? 0),
      params,
      query,
      body: parseBody(request.body),
    };
    const array = this.#state.arrays.get(params.array ?? '');
    if (!array) return route.handler(call);
    if (isDeviceListSnapVx(route.path) && array.knobs.deviceListSnapVx !== 'served') {
      return array.knobs.deviceListSnapVx === 'absent' ? NOT_FOUND : FORBIDDEN;
    }
    if (array.activeRequests >= array.knobs.maxActiveRequests) throw serviceUnavailable();
    array.activeRequests += 1;
    array.mostActiveRequests = Math.max(array.mostActiveRequests, array.activeRequests);
    try {
      if (route.method === 'GET') await this.#state.pace.wait(array.knobs.readMs);
      return await route.handler(call);
    } finally {
      array.activeRequests -= 1;
    }
  }

  #unserved(request: LabRequest, path: string): RestAnswer {
    this.#state.events.add('array', 'unserved', `${request.method} ${path}`, '', { url: request.url });
    return NOT_FOUND;
  }
}

function refused(error: unknown): RestAnswer {
  if (!(error instanceof Refusal)) throw error;
  if (error.status === 503) return { status: 503, text: BUSY_PAGE };
  return { status: error.status, body: { message: error.message } };
}

const bodyOf = (body: Buffer): Fields | undefined => {
  try {
    return parseBody(body);
  } catch {
    return undefined;
  }
};

const actionOf = (body: Buffer): string | undefined => textOf(bodyOf(body) ?? {}, 'action');

/** What a create without a name in its path is about. */
function objectOf(body: Buffer): string {
  if (body.length === 0) return '';
  const fields = bodyOf(body) ?? {};
  for (const key of ['storageGroupId', 'maskingViewId', 'hostId', 'hostGroupId', 'portGroupId']) {
    const name = textOf(fields, key);
    if (name !== undefined) return name;
  }
  return '';
}

/** JSON goes out chunked, without `Content-Length`. */
function spell(answer: RestAnswer, measured: Readonly<Record<string, string>>): LabAnswer {
  const headers: Record<string, string> = { ...FIXED_HEADERS, ...measured, ...answer.headers };
  if (answer.text) {
    headers['Content-Type'] = answer.text.contentType;
    return { status: answer.status, headers, body: answer.text.content };
  }
  if (answer.body === undefined) return { status: answer.status, headers };
  headers['Content-Type'] = 'application/json';
  headers['Transfer-Encoding'] = 'chunked';
  return { status: answer.status, headers, body: JSON.stringify(answer.body) };
}
