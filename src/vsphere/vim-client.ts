import type { Client, IHttpClient } from 'soap';
import { escapeXml } from '../platform/xml.ts';
import { child } from './decode.ts';
import type { SoapObject } from './encode.ts';
import { errorOfStatus, errorOfUnreadableAnswer, readSoapFault, VimFaultError } from './faults.ts';
import { PageReader, type TextSink } from './page-reader.ts';
import type { HttpAnswer } from './transport.ts';
import { type VimOperation, wsdlOf } from './vim-wsdl.ts';

/** One SOAP exchange: the envelope out, status and body back. The body of an answer with status 200 goes to the sink, if there is one. */
type SendEnvelope = (
  envelope: string,
  headers: Readonly<Record<string, string>>,
  sink: TextSink | undefined,
) => Promise<HttpAnswer>;

/** Their answers can have megabytes. */
const PAGED: readonly VimOperation[] = ['RetrievePropertiesEx', 'ContinueRetrievePropertiesEx'];

/** Their answers have any number of `returnval`. */
const LISTS: readonly VimOperation[] = ['QueryUnresolvedVmfsVolume', 'ListProcessesInGuest'];

export interface VimClient {
  /**
   * One operation: resolves to its `returnval`, undefined when there is none; that of a list to the element around them. Throws `VimFaultError` for a fault and
   * whatever `send` throws; a thrown error never holds the request, which may carry the password.
   */
  call(operation: VimOperation, body: SoapObject, send: SendEnvelope): Promise<unknown>;
}

export interface VimClientOptions {
  /** For error messages. */
  readonly server: string;
  /** Shows up in vCenter's logs. */
  readonly operationId: string | undefined;
  readonly apiVersion: string;
}

/** `soap` hands the options of a call to the HTTP client untouched. */
interface ExchangeOptions {
  readonly exchange: (envelope: string, headers: Readonly<Record<string, string>>) => Promise<HttpAnswer>;
}

export function createVimClient(options: VimClientOptions): VimClient {
  const clients = new Map<VimOperation, Promise<Client>>();
  const clientFor = (operation: VimOperation): Promise<Client> => {
    const client = clients.get(operation) ?? soapClient(operation, options);
    clients.set(operation, client);
    return client;
  };
  return {
    async call(operation, body, send) {
      let failed: { readonly error: unknown } | undefined;
      let page: { readonly returnval: unknown } | undefined;
      const reader = PAGED.includes(operation) ? new PageReader(operation) : undefined;
      const exchangeOptions: ExchangeOptions = {
        async exchange(envelope, headers) {
          try {
            const answer = await send(envelope, headers, reader);
            if (answer.status === 200 && reader) {
              reader.write(answer.body); // what did not go to the sink
              const read = reader.end();
              if (read === 'no answer') throw errorOfUnreadableAnswer(options.server, operation);
              page = read;
              return { ...answer, body: emptyAnswer(operation) }; // it was read as it came: to `soap` it is empty
            }
            if (answer.status === 200 || answer.status === 500) return answer;
            throw errorOfStatus(options.server, operation, answer.status);
          } catch (error) {
            failed = { error };
            throw new Error('no answer');
          }
        },
      };
      const client = await clientFor(operation);
      try {
        // The WSDL has the operation, so `soap` has defined the method; it resolves to [result, raw answer, …].
        const [result, raw] = (await client[`${operation}Async`](body, exchangeOptions)) as readonly unknown[];
        // To `soap` an answer without body is an empty result. To a reader that would be "there is no such VM".
        if (!isAnswerTo(operation, raw)) throw new Error('not an answer');
        if (page !== undefined) return page.returnval;
        return LISTS.includes(operation) ? result : child(result, 'returnval');
      } catch (thrown) {
        throw failed === undefined ? errorOfThrown(options.server, operation, thrown) : failed.error;
      } finally {
        forget(client);
      }
    },
  };
}

async function soapClient(operation: VimOperation, { apiVersion, operationId }: VimClientOptions): Promise<Client> {
  const { createClientAsync } = await import('soap'); // late: it costs start-up time
  const client = await createClientAsync(wsdlOf(operation), {
    disableCache: true, // else a process-wide cache keeps this client's parts for ever
    preserveWhitespace: true,
    httpClient: HTTP_CLIENT,
  });
  client.setSOAPAction(`urn:vim25/${apiVersion}`);
  if (operationId !== undefined) {
    client.addSoapHeader(`<operationID xmlns="urn:vim25">${escapeXml(operationId)}</operationID>`);
  }
  return client;
}

/** The exchange itself is the caller's: cookie, time limit and connection are not `soap`'s business. */
const HTTP_CLIENT: IHttpClient = {
  request(_url, envelope: string, callback, headers = {}, options = {}) {
    const { exchange } = options as unknown as ExchangeOptions; // what `call` passed
    const done = exchange(envelope, headers).then(
      (answer) => callback(null, { status: answer.status, headers: {} }, answer.body),
      (error) => callback(error),
    );
    done.catch((error) => callback(error));
    return done as unknown as ReturnType<IHttpClient['request']>; // `soap` does not use the result
  },
};

/** `soap` keeps the last exchange for debugging: the password of `Login`, megabytes of inventory. */
function forget(client: Client): void {
  for (const name of ['lastMessage', 'lastRequest', 'lastRequestHeaders', 'lastResponse', 'lastResponseHeaders']) {
    delete client[name];
  }
}

const emptyAnswer = (operation: VimOperation): string =>
  `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><${operation}Response xmlns="urn:vim25"/></e:Body></e:Envelope>`;

const isAnswerTo = (operation: VimOperation, raw: unknown): boolean =>
  typeof raw === 'string' && new RegExp(`<([\\w.-]+:)?${operation}Response[\\s/>]`).test(raw);

/** `soap` hangs response and body on what it throws: only the fault's own text is taken over. */
function errorOfThrown(server: string, operation: VimOperation, thrown: unknown): Error {
  const fault = child(thrown, 'root', 'Envelope', 'Body', 'Fault');
  return fault === undefined
    ? errorOfUnreadableAnswer(server, operation)
    : new VimFaultError(operation, readSoapFault(fault));
}
