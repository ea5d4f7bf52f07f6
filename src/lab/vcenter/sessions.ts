import { randomBytes, randomUUID } from 'node:crypto';
import type { ManagedObject } from './model/managed-object.ts';

export interface LabUser {
  readonly name: string;
  readonly password: string;
  /** `all`, or privilege ids such as `System.Read`; every user has `System.Anonymous` and `System.View`. */
  readonly privileges: 'all' | readonly string[];
}

export interface Login {
  readonly key: string;
  readonly user: LabUser;
  readonly loginTime: Date;
  readonly locale: string;
  readonly ipAddress: string;
  readonly userAgent: string;
  callCount: number;
}

/** One HTTP session: what a cookie stands for, logged in or not. What clients create (views, collectors) dies with it. */
export interface HttpSession {
  /** Value of the cookie, without quotes. */
  readonly id: string;
  /** Appears in the ids of the session's own objects. */
  readonly objectKey: string;
  login: Login | undefined;
  /** vCenter refuses further logins on a cookie on which one failed. */
  loginFailed: boolean;
  lastUsedMs: number;
  /** Calls being served; a session that waits for updates is not idle. */
  callsInFlight: number;
  /** Managed objects only this session sees. */
  readonly objects: Map<string, ManagedObject>;
  /** Run when the session ends. */
  readonly onEnd: Set<() => void>;
}

const COOKIE_NAME = 'vmware_soap_session';

export interface SessionLimits {
  /** Real milliseconds without a call after which a session ends. */
  readonly idleMs: number;
  readonly maxSessions: number;
}

/** All HTTP sessions of one vCenter, with expiry and cap. */
export class SessionTable {
  readonly #limits: SessionLimits;
  readonly #sessions = new Map<string, HttpSession>();
  readonly #cloneTickets = new Map<string, HttpSession>();

  readonly #furnish: (session: HttpSession) => void;

  /** `furnish` gives a new session the managed objects it has of its own. */
  constructor(limits: SessionLimits, furnish: (session: HttpSession) => void) {
    this.#limits = limits;
    this.#furnish = furnish;
  }

  /** Sessions that are logged in. */
  get loggedIn(): readonly HttpSession[] {
    this.#expire();
    return [...this.#sessions.values()].filter((session) => session.login !== undefined);
  }

  /** The session of a request's cookies; quotes around the value are optional. */
  find(cookieHeader: string | undefined): HttpSession | undefined {
    this.#expire();
    for (const pair of (cookieHeader ?? '').split(';')) {
      const [name, value = ''] = pair.trim().split('=', 2);
      if (name === COOKIE_NAME) return this.#sessions.get(value.replace(/^"(.*)"$/, '$1'));
    }
    return undefined;
  }

  /** Undefined: the table is full. */
  open(): HttpSession | undefined {
    this.#expire();
    if (this.#sessions.size >= this.#limits.maxSessions) return undefined;
    return this.#add();
  }

  /** A login gets a cookie of its own, so that one known before the login is worth nothing. */
  renew(session: HttpSession, login: Login): HttpSession {
    this.end(session);
    const renewed = this.#add();
    renewed.login = login;
    return renewed;
  }

  end(session: HttpSession): void {
    this.#sessions.delete(session.id);
    for (const [ticket, holder] of this.#cloneTickets) if (holder === session) this.#cloneTickets.delete(ticket);
    for (const callback of session.onEnd) callback();
    session.onEnd.clear();
    session.objects.clear();
    session.login = undefined;
  }

  endAll(): void {
    for (const session of this.#sessions.values()) this.end(session);
  }

  /** Valid once. */
  issueCloneTicket(session: HttpSession): string {
    const ticket = `cst-VCT-${randomUUID()}--tp-${randomBytes(20).toString('hex').toUpperCase()}`;
    this.#cloneTickets.set(ticket, session);
    return ticket;
  }

  redeemCloneTicket(ticket: string): Login | undefined {
    const session = this.#cloneTickets.get(ticket);
    this.#cloneTickets.delete(ticket);
    return session?.login;
  }

  #add(): HttpSession {
    const session: HttpSession = {
      id: randomBytes(20).toString('hex'),
      objectKey: randomUUID(),
      login: undefined,
      loginFailed: false,
      lastUsedMs: performance.now(),
      callsInFlight: 0,
      objects: new Map(),
      onEnd: new Set(),
    };
    this.#sessions.set(session.id, session);
    this.#furnish(session);
    return session;
  }

  #expire(): void {
    const oldestMs = performance.now() - this.#limits.idleMs;
    for (const session of this.#sessions.values()) {
      if (session.callsInFlight === 0 && session.lastUsedMs < oldestMs) this.end(session);
    }
  }
}

/** vCenter quotes the value; clients send it back verbatim. */
export function sessionCookie(session: HttpSession): string {
  return `${COOKIE_NAME}="${session.id}"; Path=/; HttpOnly; Secure`;
}

export function hasPrivilege(session: HttpSession, privilege: string): boolean {
  if (privilege === 'System.Anonymous') return true;
  if (!session.login) return false;
  if (privilege === 'System.View') return true;
  const { privileges } = session.login.user;
  return privileges === 'all' || privileges.includes(privilege);
}
