/** A SOAP fault as Windows answers it. Codes: wsmerror.h; subcodes: DSP0226. */
export class WsmanFault extends Error {
  readonly who: 'Sender' | 'Receiver';
  readonly subcode: string;
  readonly code: number;

  constructor(who: 'Sender' | 'Receiver', subcode: string, code: number, message: string) {
    super(message);
    this.name = 'WsmanFault';
    this.who = who;
    this.subcode = subcode;
    this.code = code;
  }
}

const sender = (subcode: string, code: number, message: string) => new WsmanFault('Sender', subcode, code, message);
const receiver = (subcode: string, code: number, message: string) => new WsmanFault('Receiver', subcode, code, message);

export const faults = {
  malformed: (what: string) => sender('w:SchemaValidationError', 2150858817, `The request is not valid: ${what}.`),
  notUnderstood: (header: string) =>
    sender('s:MustUnderstand', 2150859035, `The header "${header}" is marked mustUnderstand and is not known here.`),
  messageIdRequired: () =>
    sender('a:MessageInformationHeaderRequired', 2150858769, 'The request has no MessageID header.'),
  addressingMode: () => sender('w:UnsupportedFeature', 2150858767, 'Only the anonymous ReplyTo address is supported.'),
  localeMustUnderstand: () =>
    sender('w:UnsupportedFeature', 2150858887, 'The Locale header must not be marked mustUnderstand.'),
  actionNotSupported: (action: string) =>
    sender('a:ActionNotSupported', 2150858753, `The action "${action}" is not supported by this resource.`),
  resourceNotFound: (uri: string) =>
    sender('a:DestinationUnreachable', 2150858752, `The service cannot find the resource "${uri}".`),
  optionNotSupported: (name: string) =>
    sender('w:InvalidOptions', 2150858833, `The option "${name}" is not supported and had to be complied with.`),
  envelopeTooLarge: () =>
    sender('w:EncodingLimit', 2150858790, 'The request is larger than MaxEnvelopeSize of this service.'),
  envelopeSizeNotSupported: (kilobytes: number) =>
    sender('w:EncodingLimit', 2150858862, `MaxEnvelopeSize must not be greater than ${kilobytes} kilobytes.`),
  envelopeSizeTooSmall: () => sender('w:EncodingLimit', 2150858878, 'MaxEnvelopeSize must be at least 8192 octets.'),
  timeoutNotSupported: (limitMs: number) =>
    sender('w:UnsupportedFeature', 2150858854, `OperationTimeout must not be greater than ${limitMs} ms.`),
  invalidTimeout: () => sender('a:InvalidMessageInformationHeader', 2150858881, 'OperationTimeout is not a duration.'),
  timedOut: () =>
    receiver('w:TimedOut', 2150858793, 'The operation did not finish within the time given in OperationTimeout.'),
  shellNotFound: (id: string) =>
    sender('w:InvalidSelectors', 2150858843, `The shell with ShellId ${id} was not found on the server.`),
  commandNotFound: () =>
    sender('w:InvalidSelectors', 2150858843, 'The command identifier does not exist: it has ended or is not valid.'),
  tooManyShells: (limit: number) =>
    receiver('w:QuotaLimit', 2150859173, `This user has reached the maximum of ${limit} concurrent shells.`),
  tooManyOperations: (limit: number) =>
    receiver('w:QuotaLimit', 2150859174, `This user has reached the maximum of ${limit} concurrent operations.`),
  tooManyCommands: (limit: number) =>
    receiver('w:QuotaLimit', 2150859241, `This shell has reached the maximum of ${limit} processes.`),
  accessDenied: () => sender('w:AccessDenied', 5, 'Access is denied.'),
  fileNotFound: () => receiver('w:InternalError', 2147942402, 'The system cannot find the file specified.'),
  inputClosed: () => receiver('w:InternalError', 109, 'The pipe has been ended.'),
  aborted: () =>
    receiver('w:InternalError', 995, 'The I/O operation has been aborted: the shell or command has ended.'),
} as const;
