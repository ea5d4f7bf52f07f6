import type { ServerContext } from '../server-context.ts';
import type { LabUser } from '../sessions.ts';

/** One call as a route sees it. */
export interface RestCall {
  readonly server: ServerContext;
  readonly user: LabUser;
  /** What the wildcard of the route stood for. */
  readonly id: string;
  readonly body: unknown;
}

/** `METHOD /path`, with `*` for one segment, and the query that names an action. */
export type RestRoutes = Readonly<Record<string, (call: RestCall) => unknown>>;

/** An answer of the REST API that is no success. */
export class RestError extends Error {
  readonly status: number;
  /** `error_type` of the body. */
  readonly type: string;

  constructor(status: number, type: string, message: string) {
    super(message);
    this.status = status;
    this.type = type;
  }
}
