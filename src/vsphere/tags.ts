import { SnaphookError } from '../ports/errors.ts';
import { errorOfRest } from './faults.ts';
import type { HttpAnswer, Transport } from './transport.ts';

export interface TagsOptions {
  readonly transport: Transport;
  readonly username: string;
  readonly password: () => Promise<string>;
  readonly requestTimeoutMs: number;
  readonly signal: AbortSignal;
}

interface TagName {
  readonly category: string;
  readonly tag: string;
}

/** A session of the REST API and the calls in it. */
interface Rest {
  get(path: string): Promise<unknown>;
  post(path: string, body: unknown): Promise<unknown>;
}

const TAGGING = '/api/cis/tagging';

/**
 * vCenter's tags, which its SOAP API does not have: vSphere Automation API, `/api` of 7.0 U2 and later. It has sessions of its
 * own; one is opened for all tags that are asked for together, and ended with the answer.
 */
export class Tags {
  readonly #options: TagsOptions;

  constructor(options: TagsOptions) {
    this.#options = options;
  }

  /**
   * Result i: ids of the VMs that have tag i themselves; a tag of a folder is not one of its VMs. Empty when there is no such tag.
   * Categories, and the tags of each, are read once for all.
   */
  async vmsWith(names: readonly TagName[]): Promise<readonly (readonly string[])[]> {
    if (names.length === 0) return [];
    return await this.#inSession(async (rest) => {
      const idsOfCategories = await idsByName(rest, `${TAGGING}/category`, await rest.get(`${TAGGING}/category`));
      const categories = [...new Set(names.map(({ category }) => category))];
      const tagsOf = new Map(
        await Promise.all(
          categories.map(async (name) => [name, await tagsIn(rest, idsOfCategories.get(name))] as const),
        ),
      );
      return await Promise.all(names.map(({ category, tag }) => vmsWithTag(rest, tagsOf.get(category)?.get(tag))));
    });
  }

  async #inSession<Result>(work: (rest: Rest) => Promise<Result>): Promise<Result> {
    const { username, password } = this.#options;
    const authorization = `Basic ${Buffer.from(`${username}:${await password()}`, 'utf8').toString('base64')}`;
    const session = textOf(await this.#call('POST', '/api/session', { authorization }));
    const headers = { 'vmware-api-session-id': session };
    try {
      return await work({
        get: (path) => this.#call('GET', path, headers),
        post: (path, body) => this.#call('POST', path, headers, body),
      });
    } finally {
      await this.#endSession(headers);
    }
  }

  /** Whatever happened before; nothing more can be done when it fails: vCenter ends an unused session by itself. */
  async #endSession(headers: Readonly<Record<string, string>>): Promise<void> {
    const signal = AbortSignal.timeout(END_TIMEOUT_MS);
    await this.#send('DELETE', '/api/session', headers, undefined, signal).catch(() => undefined);
  }

  async #call(
    method: 'GET' | 'POST',
    path: string,
    headers: Readonly<Record<string, string>>,
    body?: unknown,
  ): Promise<unknown> {
    const { transport, signal } = this.#options;
    const answer = await this.#send(method, path, headers, body, signal);
    const operation = `${method} ${path.replace(/\/urn:[^?]*/, '')}`;
    if (answer.status !== 200 && answer.status !== 201) throw errorOfRest(transport.server, operation, answer.status);
    try {
      return JSON.parse(answer.body);
    } catch {
      throw new SnaphookError(
        'E_VCENTER',
        `"${transport.server}" answered "${operation}" with something that is not JSON`,
        {
          hint: 'Check that the address is that of a vCenter and that no web proxy answers in its place.',
        },
      );
    }
  }

  async #send(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    headers: Readonly<Record<string, string>>,
    body: unknown,
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    return await this.#options.transport.send({
      method,
      path,
      operation: `${method} ${path}`,
      headers: {
        ...headers,
        'user-agent': 'snaphook',
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? '' : JSON.stringify(body),
      repeatable: path !== '/api/session',
      timeoutMs: this.#options.requestTimeoutMs,
      signal,
    });
  }
}

const END_TIMEOUT_MS = 5_000;

async function tagsIn(rest: Rest, categoryId: string | undefined): Promise<ReadonlyMap<string, string>> {
  if (categoryId === undefined) return new Map();
  const ids = await rest.post(`${TAGGING}/tag?action=list-tags-for-category`, { category_id: categoryId });
  return await idsByName(rest, `${TAGGING}/tag`, ids);
}

async function vmsWithTag(rest: Rest, tagId: string | undefined): Promise<readonly string[]> {
  if (tagId === undefined) return [];
  const attached = await rest.post(`${TAGGING}/tag-association?action=list-attached-objects-on-tags`, {
    tag_ids: [tagId],
  });
  return items(attached)
    .flatMap((entry) => items(field(entry, 'object_ids')))
    .filter((object) => field(object, 'type') === 'VirtualMachine')
    .map((object) => textOf(field(object, 'id')));
}

/** The API lists ids; names are asked for one by one. Category names are unique, tag names within their category. */
async function idsByName(rest: Rest, path: string, ids: unknown): Promise<ReadonlyMap<string, string>> {
  const found = await Promise.all(
    items(ids).map(async (id) => {
      const details = await rest.get(`${path}/${encodeURIComponent(textOf(id)).replaceAll('%3A', ':')}`);
      return [textOf(field(details, 'name')), textOf(id)] as const;
    }),
  );
  return new Map(found);
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
}

const items = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** A text where the API promises one; anything else matches nothing. */
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
