import type { HttpAnswer } from './transport.ts';

const COOKIE_NAME = 'vmware_soap_session';

/** `name=value` exactly as the server wrote it: the value may be quoted. */
export function sessionCookie(answer: HttpAnswer): string | undefined {
  const line = answer.setCookie.find((cookie) => cookie.trimStart().startsWith(`${COOKIE_NAME}=`));
  return line?.split(';', 1)[0]?.trim();
}

export const cookieValue = (cookie: string | undefined): string | undefined =>
  cookie?.slice(COOKIE_NAME.length + 1).replaceAll('"', '');
