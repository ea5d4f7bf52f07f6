import type { HttpAnswer } from './http-exchange.ts';

/** The connection that is being logged in. */
export interface LoginPeer {
  readonly host: string;
  /** The TLS channel's `tls-server-end-point` data; undefined without TLS. */
  readonly channelBinding: Buffer | undefined;
  /** Sends an empty request with this Authorization header on the connection. */
  readonly post: (authorization: string) => Promise<HttpAnswer>;
}
