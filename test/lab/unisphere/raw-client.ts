import https from 'node:https';

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

export interface RawRequest {
  readonly method?: string;
  readonly path: string;
  readonly body?: unknown;
  readonly rawBody?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** `name:password`; null sends none. */
  readonly credentials?: string | null;
}

/** One request over real TLS, verified against the lab's authority, with nothing between test and wire. */
export class RawClient {
  readonly #port: number;
  readonly #agent: https.Agent;

  constructor(port: number, ca: string) {
    this.#port = port;
    this.#agent = new https.Agent({ keepAlive: true, ca });
  }

  send(request: RawRequest): Promise<RawAnswer> {
    const text = request.rawBody ?? (request.body === undefined ? undefined : JSON.stringify(request.body));
    const credentials = request.credentials === undefined ? 'admin:admin-secret' : request.credentials;
    return new Promise((resolve, reject) => {
      const call = https.request(
        {
          agent: this.#agent,
          host: '127.0.0.1',
          port: this.#port,
          method: request.method ?? 'GET',
          path: request.path,
          headers: {
            'Content-Type': 'application/json',
            Accept: 'application/json',
            ...(text !== undefined && { 'Content-Length': String(Buffer.byteLength(text)) }),
            ...(credentials !== null && { Authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }),
            ...request.headers,
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text: Buffer.concat(chunks).toString('utf8'),
            }),
          );
          response.on('error', reject);
        },
      );
      call.on('error', reject);
      call.end(text);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
