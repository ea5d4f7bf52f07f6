import type { Unisphere } from './client.ts';
import { bulkVolumes, iterator, query } from './paths.ts';
import { bodyIfFound, bodyOf, isUnsupported } from './reply.ts';
import { asBody, type Body, bodies, count, isBody, text, unexpectedAnswer } from './schema.ts';

/** A server that always promises one more page must not keep us for ever. */
const MAX_PAGES = 10_000;
const MAX_READINGS = 3;

/**
 * All rows of a bulk volume list (Unisphere 10.3 OpenAPI): pages follow each other by `resume_token` until no instance remains.
 * `filter` is such as `snapshots.name eq x`. Undefined when the server refuses such a request: which attributes may be
 * selected and filtered by is published in part only, and releases differ.
 */
export async function readBulkVolumes(
  unisphere: Unisphere,
  request: { readonly select: readonly string[]; readonly filter?: string },
  signal: AbortSignal,
): Promise<readonly Body[] | undefined> {
  const base = {
    select: request.select.join(','),
    ...(request.filter === undefined ? {} : { filter: request.filter }),
  };
  return fromTheStartAgain(() => bulkPages(unisphere, base, signal));
}

async function bulkPages(
  unisphere: Unisphere,
  base: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<readonly Body[] | undefined> {
  const rows: Body[] = [];
  let token: string | undefined;
  for (let page = 1; page <= MAX_PAGES; page += 1) {
    const parameters = token === undefined ? base : { ...base, resume_token: token };
    const reply = await unisphere.read(bulkVolumes(unisphere.arrayId) + query(parameters), signal);
    if (isUnsupported(reply)) {
      if (token === undefined) return undefined;
      throw new ListIsGone();
    }
    const body = asBody(bodyOf(reply, 'list its volumes'), 'the volume list');
    rows.push(...bodies(body, 'volumes'));
    const paging = body.paging;
    const remaining = isBody(paging) ? (count(paging, 'remaining_instances') ?? 0) : 0;
    if (remaining === 0) return rows;
    token = isBody(paging) ? text(paging, 'resume_token') : undefined;
    if (token === undefined) throw unexpectedAnswer('the volume list', `${remaining} more volumes but no resume_token`);
  }
  throw unexpectedAnswer('the volume list', 'it does not end');
}

/**
 * All rows of a classic volume list. An iterator holds them on the server: positions count from 1 and are inclusive, it expires,
 * and is given back after use. A list without members may be answered with 404.
 */
export async function readIterator(unisphere: Unisphere, path: string, signal: AbortSignal): Promise<readonly Body[]> {
  return fromTheStartAgain(() => iteratorPages(unisphere, path, signal));
}

async function iteratorPages(unisphere: Unisphere, path: string, signal: AbortSignal): Promise<readonly Body[]> {
  const found = bodyIfFound(await unisphere.read(`/restapi${path}`, signal), 'list its volumes');
  if (found === undefined) return [];
  const first = asBody(found, 'a list');
  const resultList = first.resultList;
  const rows = [...(isBody(resultList) ? bodies(resultList, 'result') : [])];
  const total = count(first, 'count') ?? rows.length;
  const id = text(first, 'id');
  if (id === undefined) return rows;
  const pageSize = count(first, 'maxPageSize') ?? 1000;
  try {
    while (rows.length < total) {
      const range = query({ from: String(rows.length + 1), to: String(Math.min(rows.length + pageSize, total)) });
      const reply = await unisphere.read(`/restapi${iterator(id)}/page${range}`, signal);
      if (isUnsupported(reply)) throw new ListIsGone();
      const page = bodies(asBody(bodyOf(reply, 'continue a list'), 'a page of a list'), 'result');
      if (page.length === 0) throw unexpectedAnswer('a page of a list', `empty after ${rows.length} of ${total} rows`);
      rows.push(...page);
    }
    return rows;
  } finally {
    unisphere.discard(`/restapi${iterator(id)}`, signal);
  }
}

class ListIsGone extends Error {}

/**
 * A list lives on the server that was asked for it, for a while: when its next page is refused, it expired or another server is
 * asked by now. Read again from the start, at most twice.
 */
async function fromTheStartAgain<Rows>(read: () => Promise<Rows>): Promise<Rows> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof ListIsGone)) throw error;
      if (attempt === MAX_READINGS) throw unexpectedAnswer('a page of a list', 'the list is gone before it is read');
    }
  }
}
