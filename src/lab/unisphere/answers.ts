/** What a handler answers; the front adds the headers and spells the body as JSON. */
export interface RestAnswer {
  readonly status: number;
  /** Left out: no body at all. `undefined` inside is left out too: Unisphere omits what it has no value for. */
  readonly body?: unknown;
  /** A body that is not JSON. */
  readonly text?: { readonly contentType: string; readonly content: string };
  readonly headers?: Readonly<Record<string, string>>;
}

export const okAnswer = (body: unknown): RestAnswer => ({ status: 200, body });
export const createdAnswer = (body: unknown): RestAnswer => ({ status: 201, body });
export const acceptedAnswer = (body: unknown): RestAnswer => ({ status: 202, body });
export const noContentAnswer: RestAnswer = { status: 204 };
