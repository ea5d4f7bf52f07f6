import type { LabRequest } from '../world/http-server.ts';
import type { Handler } from './rest-call.ts';

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below the base; `{name}` stands for one segment, `{ver}` for an endpoint version. */
  readonly path: string;
  /** As in the event log and fault rules, such as `POST private/snapshot`. */
  readonly operation: string;
  /** The path parameter the call is about. */
  readonly object?: string;
  /** The event log's operation also names the body's `action`. */
  readonly namesAction?: boolean;
  readonly handler: Handler;
}

export interface RouteMatch {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

interface CompiledRoute {
  readonly route: Route;
  readonly segments: readonly string[];
}

/** Looks routes up by method and segments. */
export class Router {
  readonly #routes = new Map<string, CompiledRoute[]>();

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      const segments = route.path.split('/').slice(1);
      const key = keyOf(route.method, segments.length);
      const known = this.#routes.get(key) ?? [];
      known.push({ route, segments });
      this.#routes.set(key, known);
    }
  }

  find(method: string, segments: readonly string[]): RouteMatch | undefined {
    for (const { route, segments: wanted } of this.#routes.get(keyOf(method, segments.length)) ?? []) {
      const params = matchSegments(wanted, segments);
      if (params) return { route, params };
    }
    return undefined;
  }
}

const keyOf = (method: string, length: number): string => `${method} ${length}`;

function matchSegments(wanted: readonly string[], given: readonly string[]): Record<string, string> | undefined {
  const params: Record<string, string> = {};
  for (const [index, segment] of wanted.entries()) {
    const text = given[index] ?? '';
    const name = /^\{(\w+)\}$/.exec(segment)?.[1];
    if (name === undefined) {
      if (segment !== text) return undefined;
    } else if (text === '' || (name === 'ver' && !/^\d{2,3}$/.test(text))) return undefined;
    else params[name] = text;
  }
  return params;
}

export interface RequestTarget {
  readonly path: string;
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
}

/** Undefined for a path that cannot be decoded. Segments are decoded one by one: a name may hold an encoded slash. */
export function targetOf(request: LabRequest): RequestTarget | undefined {
  const at = request.url.indexOf('?');
  const path = at < 0 ? request.url : request.url.slice(0, at);
  try {
    return {
      path,
      segments: path.split('/').slice(1).map(decodeURIComponent),
      query: new URLSearchParams(at < 0 ? '' : request.url.slice(at + 1)),
    };
  } catch {
    return undefined;
  }
}
