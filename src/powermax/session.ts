import type { AxiosInstance } from 'axios';
import { ConnectFailure, type TlsTrust, VerifyingAgent } from '../platform/tls.ts';
import type { Clock } from '../ports/clock.ts';
import { SnaphookError } from '../ports/errors.ts';

export interface SessionOptions {
  /** Such as `https://unisphere.example:8443`. */
  readonly url: string;
  readonly username: string;
  readonly password: () => Promise<string>;
  readonly tls: TlsTrust;
  readonly clock: Clock;
  /** By class of call. Synchronous writes block for the whole operation of the array. */
  readonly requestTimeoutMs: { readonly read: number; readonly write: number };
}

export interface HttpCall {
  readonly call: 'read' | 'write';
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below the server's root, with query. */
  readonly path: string;
  /** Also sent with DELETE where given. */
  readonly body?: unknown;
  /** Waits for no other call. */
  readonly urgent?: boolean;
}

export interface HttpAnswer {
  readonly status: number;
  /** Parsed JSON; undefined when the body was none. */
  readonly body: unknown;
  readonly raw: string;
  /** Milliseconds the server says it spent. */
  readonly serviceMs: number | undefined;
}

/** One request and its answer, whatever the status. */
export interface Session {
  /**
   * Throws `E_ARRAY_UNREACHABLE` or `E_TLS_UNTRUSTED`; with `effect: 'unknown'` when a write had been sent and its answer
   * never came (also because the signal aborted it). A read that was aborted rejects with the signal's reason.
   */
  send(call: HttpCall, signal: AbortSignal): Promise<HttpAnswer>;
  /** An authenticated connection is open and was used so recently that the server keeps it. */
  isWarm(): boolean;
  close(): void;
}

/** Servers close connections idle for about 20 s and more; half of it leaves room for the freeze. */
const WARM_FOR_MS = 10_000;
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;
const untouched = [(data: unknown) => data];

/** HTTPS to one Unisphere: Basic authentication on every request, no login call and no token (Unisphere 10.0 OpenAPI). */
export function openSession(options: SessionOptions): Session {
  const baseUrl = serverRoot(options.url);
  const agent = new VerifyingAgent(options.tls);
  let http: AxiosInstance | undefined;
  let authorization: string | undefined;
  let lastAnswerMs: number | undefined;

  return {
    async send(call, signal) {
      signal.throwIfAborted();
      http ??= await httpClient(baseUrl, agent);
      authorization ??= basic(options.username, await options.password());
      const timeout = AbortSignal.timeout(options.requestTimeoutMs[call.call]);
      try {
        const answer = await http.request<string>({
          method: call.method,
          url: call.path,
          ...(call.body === undefined ? {} : { data: JSON.stringify(call.body) }),
          headers: { Authorization: authorization },
          signal: AbortSignal.any([signal, timeout]),
        });
        if (answer.status === 401) authorization = undefined;
        else lastAnswerMs = options.clock.monotonicMs();
        const raw = answer.data ?? '';
        return { status: answer.status, raw, body: jsonOf(raw), serviceMs: processingTime(answer.headers) };
      } catch (error) {
        // What axios throws holds the whole request with its Authorization header: nothing of it goes further.
        throw failureOf(error, { call, baseUrl, signal, timedOut: timeout.aborted });
      }
    },
    isWarm: () =>
      lastAnswerMs !== undefined &&
      options.clock.monotonicMs() - lastAnswerMs <= WARM_FOR_MS &&
      hasIdleConnection(agent),
    close: () => agent.destroy(),
  };
}

async function httpClient(baseURL: string, httpsAgent: VerifyingAgent): Promise<AxiosInstance> {
  const { default: axios } = await import('axios'); // late: it costs start-up time
  return axios.create({
    baseURL,
    httpsAgent,
    proxy: false,
    maxRedirects: 0,
    maxContentLength: MAX_ANSWER_BYTES,
    responseType: 'text',
    validateStatus: () => true,
    transformRequest: untouched,
    transformResponse: untouched,
    headers: { 'Content-Type': 'application/json', Accept: 'application/json', 'Application-Type': 'snaphook' },
  });
}

/** Is a connection open that the next request would use? */
function hasIdleConnection(agent: VerifyingAgent): boolean {
  return Object.values(agent.freeSockets).some((sockets) => sockets?.some((socket) => !socket.destroyed) ?? false);
}

/** The same text for every way to write the address of one server. */
export function serverRoot(url: string): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw configError('the URL of the array is not valid');
  }
  if (parsed.protocol !== 'https:') throw configError(`the URL of the array must begin with https://`);
  if (parsed.username !== '' || parsed.password !== '') throw configError('the URL of the array carries credentials');
  return `${parsed.origin}${parsed.pathname}`.replace(/\/+$/, '');
}

const configError = (message: string) =>
  new SnaphookError('E_CONFIG', message, {
    hint: 'Write it like https://unisphere.example:8443, without user and path.',
  });

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

function jsonOf(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch {
    return undefined;
  }
}

function processingTime(headers: Readonly<Record<string, unknown>>): number | undefined {
  const value = headers['restapi-processing-time'];
  return typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? Number(value) : undefined;
}

interface FailedCall {
  readonly call: HttpCall;
  readonly baseUrl: string;
  readonly signal: AbortSignal;
  readonly timedOut: boolean;
}

function failureOf(thrown: unknown, { call, baseUrl, signal, timedOut }: FailedCall): unknown {
  const failure = causes(thrown).find((cause) => cause instanceof ConnectFailure);
  if (failure?.untrusted) return untrusted(baseUrl, failure.message, failure.untrusted.fingerprint256);
  if (failure) {
    return new SnaphookError('E_ARRAY_UNREACHABLE', `no connection to Unisphere "${baseUrl}" (${failure.message})`, {
      hint: 'Check host name, port (8443 by default) and firewall between this machine and Unisphere.',
      retry: 'safe',
    });
  }
  if (call.call === 'read' && signal.aborted) return signal.reason;
  const why = signal.aborted ? 'given up' : timedOut ? 'no answer in time' : networkCode(thrown);
  const code =
    signal.reason instanceof SnaphookError ? signal.reason.code : signal.aborted ? 'E_DEADLINE' : 'E_ARRAY_UNREACHABLE';
  return new SnaphookError(code, `no answer from Unisphere "${baseUrl}" to ${call.method} (${why})`, {
    hint: 'Check that Unisphere is up and not overloaded; `snaphook doctor` tries it.',
    ...(call.call === 'write' ? { retry: 'after-probe', effect: 'unknown' } : { retry: 'safe' }),
  });
}

function untrusted(baseUrl: string, reason: string, seen: string): SnaphookError {
  return new SnaphookError(
    'E_TLS_UNTRUSTED',
    `certificate of Unisphere "${baseUrl}" is not trusted (${reason}); its SHA-256 fingerprint is ${seen}`,
    {
      hint: `Compare this fingerprint with the server's own certificate. If it is right, configure it as fingerprint256, or configure the certificate of the authority that signed it as ca.`,
    },
  );
}

function causes(thrown: unknown): readonly unknown[] {
  return thrown instanceof Error ? [thrown, ...causes(thrown.cause)] : [];
}

function networkCode(thrown: unknown): string {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  return typeof code === 'string' ? code : 'connection failed';
}
