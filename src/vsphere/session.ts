import type { Clock } from '../ports/clock.ts';
import { chooseApiVersion } from './api-version.ts';
import { child, ref, text, type VimRef } from './decode.ts';
import { createContainerView, login, logout, retrieveServiceContent, type SoapObject } from './encode.ts';
import {
  errorOfFault,
  errorOfStatus,
  errorOfUnreadableAnswer,
  isLoginRefused,
  isSessionLost,
  VimFaultError,
} from './faults.ts';
import { cookieValue, sessionCookie } from './session-cookie.ts';
import type { ByteSink, HttpAnswer, HttpCall, Transport } from './transport.ts';
import { createVimClient, type VimClient } from './vim-client.ts';
import { isChanging, type VimOperation } from './vim-wsdl.ts';

/** A logged-in session as the readers use it. */
export interface Session {
  /** Host name for messages. */
  readonly server: string;
  readonly pageSize: number;
  /** `ServiceContent.about`. */
  readonly about: unknown;
  readonly propertyCollector: VimRef;
  readonly searchIndex: VimRef;
  readonly sessionManager: VimRef;
  /** Undefined where the server has none. */
  readonly guestOperationsManager: VimRef | undefined;
  /** `UserSession.key`: names the session to administrators; undefined where it would give the session away. */
  readonly key: string | undefined;
  call(operation: VimOperation, body: SoapObject): Promise<unknown>;
  /** GET of a path outside of the API, with the session's cookie. The sink takes the body of an answer with status 200; returns the status. */
  get(path: string, operation: string, bytes: ByteSink): Promise<number>;
  /** PUT of a whole file in the same way; may be sent twice. Returns the status. */
  put(path: string, operation: string, content: Uint8Array): Promise<number>;
  /** A view of every object of these types in the inventory. Made once a session, and ends with it. */
  view(types: readonly string[]): Promise<VimRef>;
}

export interface SessionsOptions {
  readonly transport: Transport;
  /** Path of the SOAP endpoint, such as `/sdk`. */
  readonly path: string;
  readonly username: string;
  readonly password: () => Promise<string>;
  readonly clock: Clock;
  readonly operationId: string | undefined;
  readonly requestTimeoutMs: number;
  readonly pageSize: number;
}

/** What a login yields and a logout ends. */
interface Login {
  readonly client: VimClient;
  readonly cookie: string;
  readonly content: unknown;
  readonly key: string | undefined;
  readonly views: Map<string, VimRef>;
}

interface CallContext {
  readonly signal: AbortSignal;
  readonly cookie?: string | undefined;
  readonly onCookie?: (cookie: string) => void;
  /** Never to appear in an error, even if the server sends it back. */
  readonly password?: string;
}

/**
 * Waits before the next try when vCenter has no room at the moment (HTTP 503). Only for what changes nothing: the proxy in front of
 * vCenter may say so, too, when it lost the answer.
 */
const BUSY_DELAYS_MS = [1_000, 2_000, 4_000];
const LOGOUT_TIMEOUT_MS = 5_000;

/** One session at a time: opened on first use, renewed once when vCenter lost it, ended by `close`. */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #closing = new AbortController();
  #client: VimClient | undefined;
  /** The login under way or done; its value once done, to recognise a session that was lost. */
  #login: Promise<Login> | undefined;
  #live: Login | undefined;
  /** Refused credentials are never sent twice: each try counts towards locking the account. */
  #refused: unknown;
  #closed: Promise<void> | undefined;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** Runs reads in a session. When vCenter has dropped the session they run once more, from the start, in a new one. */
  async run<T>(signal: AbortSignal, reads: (session: Session) => Promise<T>): Promise<T> {
    try {
      const first = await this.#open(signal);
      try {
        return await reads(this.#session(first, signal));
      } catch (error) {
        if (!isSessionLost(error)) throw error;
        this.#discard(first);
      }
      return await reads(this.#session(await this.#open(signal), signal));
    } catch (error) {
      throw this.#named(error);
    }
  }

  /** Logs out, whatever happened before, and drops the connections. Never throws. */
  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    const signal = AbortSignal.timeout(LOGOUT_TIMEOUT_MS);
    try {
      // A login under way must finish first, or its session would stay behind.
      const opened = this.#login === undefined ? undefined : await untilAborted(this.#login, signal);
      if (opened !== undefined) {
        const body = logout(this.#manager(opened.content, 'sessionManager'));
        await this.#call(opened.client, 'Logout', body, { signal, cookie: opened.cookie });
      }
    } catch {
      // Nothing more can be done: vCenter ends an unused session by itself.
    } finally {
      this.#login = undefined;
      this.#live = undefined;
      this.#closing.abort(new Error('the vCenter client was closed'));
      this.#options.transport.close();
    }
  }

  /** One login for all who wait for it; each stops waiting by its own signal. */
  async #open(signal: AbortSignal): Promise<Login> {
    signal.throwIfAborted();
    if (this.#closed !== undefined) throw new Error('the vCenter client is closed');
    if (this.#refused !== undefined) throw this.#refused;
    this.#login ??= this.#logIn(this.#closing.signal);
    return await untilAborted(this.#login, signal);
  }

  #discard(lost: Login): void {
    if (this.#live !== lost) return; // another reader has noticed already
    this.#live = undefined;
    this.#login = undefined;
  }

  async #logIn(signal: AbortSignal): Promise<Login> {
    const { transport, username } = this.#options;
    try {
      this.#client ??= await this.#connect(signal);
      const client = this.#client;
      let cookie: string | undefined;
      const onCookie = (value: string) => {
        cookie = value;
      };
      const content = await this.#call(client, 'RetrieveServiceContent', retrieveServiceContent(), {
        signal,
        onCookie,
      });
      const sessionManager = this.#manager(content, 'sessionManager');
      const password = await this.#options.password();
      const context = { signal, cookie, onCookie, password };
      const opened = await this.#call(client, 'Login', login(sessionManager, username, password), context);
      if (cookie === undefined) throw errorOfUnreadableAnswer(transport.server, 'Login');
      const key = text(child(opened, 'key'));
      // On some servers (ESXi) the key is the cookie: then whoever knows it has the session.
      const isSecret = key !== undefined && cookie.includes(key);
      this.#live = { client, cookie, content, key: isSecret ? undefined : key, views: new Map() };
      return this.#live;
    } catch (error) {
      this.#login = undefined;
      transport.dropConnections(); // vCenter may refuse further logins on the connection of a failed one
      const named = this.#named(error);
      if (isLoginRefused(error)) this.#refused = named;
      throw named;
    }
  }

  async #connect(signal: AbortSignal): Promise<VimClient> {
    const { transport, path, operationId } = this.#options;
    const operation = 'vimServiceVersions';
    const answer = await this.#whenNotBusy({ operation, delaysMs: BUSY_DELAYS_MS, signal }, () =>
      transport.send({
        method: 'GET',
        path: `${path}/vimServiceVersions.xml`,
        operation,
        headers: { 'user-agent': 'snaphook' },
        repeatable: true,
        timeoutMs: this.#options.requestTimeoutMs,
        signal,
      }),
    );
    const apiVersion = chooseApiVersion(answer.status === 200 ? answer.body : undefined);
    return createVimClient({ server: transport.server, operationId, apiVersion });
  }

  #session(live: Login, signal: AbortSignal): Session {
    const call = (operation: VimOperation, body: SoapObject) =>
      this.#call(live.client, operation, body, { signal, cookie: live.cookie });
    const fileStatus = async (file: Pick<HttpCall, 'method' | 'path' | 'operation' | 'bytes' | 'body'>) => {
      const { status } = await this.#whenNotBusy({ operation: file.operation, delaysMs: BUSY_DELAYS_MS, signal }, () =>
        this.#options.transport.send({
          ...file,
          headers: { 'user-agent': 'snaphook', cookie: live.cookie },
          repeatable: true,
          timeoutMs: this.#options.requestTimeoutMs,
          signal,
        }),
      );
      return status;
    };
    return {
      server: this.#options.transport.server,
      pageSize: this.#options.pageSize,
      about: child(live.content, 'about'),
      propertyCollector: this.#manager(live.content, 'propertyCollector'),
      searchIndex: this.#manager(live.content, 'searchIndex'),
      sessionManager: this.#manager(live.content, 'sessionManager'),
      guestOperationsManager: ref(child(live.content, 'guestOperationsManager')),
      key: live.key,
      call,
      get: (path, operation, bytes) => fileStatus({ method: 'GET', path, operation, bytes }),
      put: (path, operation, body) => fileStatus({ method: 'PUT', path, operation, body }),
      view: async (types) => {
        const known = live.views.get(types.join());
        if (known !== undefined) return known;
        const viewManager = this.#manager(live.content, 'viewManager');
        const rootFolder = this.#manager(live.content, 'rootFolder');
        const view = ref(await call('CreateContainerView', createContainerView(viewManager, rootFolder, types)));
        if (view === undefined) throw errorOfUnreadableAnswer(this.#options.transport.server, 'CreateContainerView');
        live.views.set(types.join(), view);
        return view;
      },
    };
  }

  #manager(content: unknown, name: string): VimRef {
    const manager = ref(child(content, name));
    if (manager === undefined) throw errorOfUnreadableAnswer(this.#options.transport.server, 'RetrieveServiceContent');
    return manager;
  }

  async #call(client: VimClient, operation: VimOperation, body: SoapObject, context: CallContext): Promise<unknown> {
    const { transport, path, requestTimeoutMs } = this.#options;
    const { signal, cookie, onCookie, password } = context;
    const delaysMs = isChanging(operation) ? [] : BUSY_DELAYS_MS;
    try {
      return await client.call(operation, body, async (envelope, headers, sink) => {
        const answer = await this.#whenNotBusy({ operation, delaysMs, signal }, () =>
          transport.send({
            method: 'POST',
            path,
            operation,
            headers: { ...headers, 'user-agent': 'snaphook', ...(cookie === undefined ? {} : { cookie }) },
            body: envelope,
            ...(sink === undefined ? {} : { sink }),
            repeatable: operation !== 'Login' && !isChanging(operation),
            timeoutMs: requestTimeoutMs,
            signal,
          }),
        );
        const given = sessionCookie(answer);
        if (given !== undefined) onCookie?.(given);
        return answer;
      });
    } catch (error) {
      throw error instanceof VimFaultError ? error.without([password, cookieValue(cookie)]) : error;
    }
  }

  async #whenNotBusy(
    call: { readonly operation: string; readonly delaysMs: readonly number[]; readonly signal: AbortSignal },
    send: () => Promise<HttpAnswer>,
  ): Promise<HttpAnswer> {
    const { operation, delaysMs, signal } = call;
    for (const delayMs of delaysMs) {
      const answer = await send();
      if (answer.status !== 503) return answer;
      await this.#options.clock.sleep(delayMs, signal);
    }
    const last = await send();
    if (last.status === 503) throw errorOfStatus(this.#options.transport.server, operation, last.status);
    return last;
  }

  #named(error: unknown): unknown {
    if (!(error instanceof VimFaultError)) return error;
    return errorOfFault(this.#options.transport.server, error.operation, error.fault);
  }
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
