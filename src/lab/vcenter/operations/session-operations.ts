import { randomUUID } from 'node:crypto';
import type { PropertyReaders } from '../model/managed-object.ts';
import type { Call, OperationHandler, ServerContext } from '../server-context.ts';
import type { HttpSession, LabUser, Login } from '../sessions.ts';
import { optionalTextOf, textOf, textsOf } from '../wire/fields.ts';
import { VimFault } from '../wire/vim-fault.ts';
import { type DataObject, data } from '../wire/vim-values.ts';

const LOCALES = ['en', 'en_US', 'de', 'fr', 'ja', 'ko', 'zh_CN', 'zh_TW'];
const DEFAULT_LOCALE = 'en';

export const sessionOperations: Readonly<Record<string, OperationHandler>> = {
  Login: login,
  Logout: (call) => {
    call.server.events.add('vcenter', 'effect', 'Logout', call.session.login?.user.name);
    call.server.sessions.end(call.session);
    return undefined;
  },
  SessionIsActive: (call) => {
    const key = textOf(call.args, 'sessionID');
    const userName = textOf(call.args, 'userName');
    return call.server.sessions.loggedIn.some(
      ({ login: held }) => held?.key === key && accountName(held.user.name) === accountName(userName),
    );
  },
  AcquireCloneTicket: (call) => call.server.sessions.issueCloneTicket(call.session),
  CloneSession: (call) => {
    const original = call.server.sessions.redeemCloneTicket(textOf(call.args, 'cloneTicket'));
    if (!original || call.session.login) throw invalidLogin();
    return begin(call, original.user, original.locale);
  },
  TerminateSession: (call) => {
    for (const key of textsOf(call.args, 'sessionId')) {
      const session = call.server.sessions.loggedIn.find((candidate) => candidate.login?.key === key);
      if (!session) throw new VimFault('NotFound', 'The object or item referred to could not be found.');
      call.server.sessions.end(session);
    }
    return undefined;
  },
};

function login(call: Call): DataObject {
  const { server, session, args } = call;
  const locale = optionalTextOf(args, 'locale') ?? DEFAULT_LOCALE;
  if (!LOCALES.includes(locale)) throw new VimFault('InvalidLocale', 'The locale is not supported.');
  if (session.loginFailed) {
    throw new VimFault('InvalidLogin', 'Rejecting login on a session where login failed');
  }
  const name = accountName(textOf(args, 'userName'));
  const user = server.users.find((candidate) => accountName(candidate.name) === name);
  if (session.login || !user || user.password !== textOf(args, 'password')) {
    if (!session.login) session.loginFailed = true;
    throw invalidLogin();
  }
  return begin(call, user, locale);
}

function begin(call: Call, user: LabUser, locale: string): DataObject {
  const begun: Login = {
    key: randomUUID(),
    user,
    loginTime: new Date(),
    locale,
    ipAddress: call.remote.ipAddress,
    userAgent: call.remote.userAgent,
    callCount: 0,
  };
  call.session = call.server.sessions.renew(call.session, begun);
  call.server.events.add('vcenter', 'effect', call.operation, user.name);
  return userSession(begun);
}

export function sessionManagerReaders(server: ServerContext, session: HttpSession): PropertyReaders {
  return {
    sessionList: () => server.sessions.loggedIn.flatMap(({ login: held }) => (held ? userSession(held) : [])),
    currentSession: () => (session.login ? userSession(session.login) : undefined),
    message: () => '',
    messageLocaleList: () => LOCALES,
    supportedLocaleList: () => LOCALES,
    defaultLocale: () => DEFAULT_LOCALE,
  };
}

function userSession(held: Login): DataObject {
  const shown = shownUserName(held.user.name);
  return data('UserSession', {
    key: held.key,
    userName: shown,
    fullName: shown,
    loginTime: held.loginTime,
    lastActiveTime: new Date(),
    locale: held.locale,
    messageLocale: held.locale,
    extensionSession: false,
    ipAddress: held.ipAddress,
    userAgent: held.userAgent,
    callCount: held.callCount,
  });
}

/** `administrator@vsphere.local` is shown as `VSPHERE.LOCAL\administrator`. */
export function shownUserName(name: string): string {
  const [account = name, domain] = name.split('@');
  return domain === undefined ? name : `${domain.toUpperCase()}\\${account}`;
}

/** Both ways of writing an account, in one form; case does not matter. */
function accountName(name: string): string {
  return shownUserName(name).toLowerCase();
}

function invalidLogin(): VimFault {
  return new VimFault('InvalidLogin', 'Cannot complete login due to an incorrect user name or password.');
}
