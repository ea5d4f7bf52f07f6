import type { ErrorCode, RetryClass } from '../ports/errors.ts';
import { SnaphookError } from '../ports/errors.ts';
import { isBody, text } from './schema.ts';

/** What a refusal of Unisphere means. The only place that looks at message text. */
type RefusalKind =
  | 'already-in-desired-state'
  | 'no-link-target'
  | 'already-target'
  | 'in-copy-session'
  | 'snapshot-linked'
  | 'target-too-small'
  | 'limit'
  | 'lock-busy'
  | 'provisioning-busy'
  | 'role'
  | 'already-masked'
  | 'fast-conflict'
  | 'vvol'
  | 'not-licensed'
  | 'not-local'
  | 'exists'
  | 'not-found'
  | 'no-such-path'
  | 'old-endpoint'
  | 'unauthorized'
  | 'forbidden'
  | 'too-many-requests'
  | 'server-busy'
  | 'proxy-busy'
  /** Refused with a message that is not in the catalogue. */
  | 'refused'
  /** Failed inside the server with a message that is not in the catalogue: mostly a refusal, not certainly. */
  | 'failed'
  | 'unknown';

export interface Refusal {
  readonly kind: RefusalKind;
  readonly status: number;
  /** The array's own words, for people. */
  readonly message: string;
  /** False: there is no message, or something on the way wrote it. */
  readonly inItsWords: boolean;
  /** `safe`: certainly refused before any effect and likely to pass later. */
  readonly retry: RetryClass;
  /** `unknown`: a write that was answered so may have happened. Reads never have an effect. */
  readonly effect: 'none' | 'unknown';
}

interface Meaning {
  readonly code: ErrorCode;
  readonly retry: RetryClass;
  readonly effect: 'none' | 'unknown';
  readonly hint: string;
}

const refused = (code: ErrorCode, hint: string): Meaning => ({ code, retry: 'never', effect: 'none', hint });
const busy = (hint: string): Meaning => ({ code: 'E_ARRAY_BUSY', retry: 'safe', effect: 'none', hint });
const unanswered = (code: ErrorCode, hint: string): Meaning => ({
  code,
  retry: 'after-probe',
  effect: 'unknown',
  hint,
});

const MEANINGS: Readonly<Record<RefusalKind, Meaning>> = {
  'already-in-desired-state': refused('E_ARRAY_REFUSED', 'Compare the links of the device with the run journal.'),
  'no-link-target': refused(
    'E_ARRAY_REFUSED',
    'The target is not linked to this snapshot; `snaphook reap` shows leftovers.',
  ),
  'already-target': refused(
    'E_TARGET_TAKEN',
    'Somebody linked it since it was chosen: run the job again, and give the pool more devices, or each proxy a pool of its own.',
  ),
  'in-copy-session': refused('E_DEVICE_UNFIT', 'Unlink the device and terminate its snapshots first.'),
  'snapshot-linked': refused('E_ARRAY_REFUSED', 'Unlink all targets of the snapshot first.'),
  'target-too-small': refused('E_TARGET_UNFIT', 'Put targets of at least the size of the source into the pool.'),
  limit: refused(
    'E_ARRAY_LIMIT',
    'Terminate snapshots of the device that are no longer needed, or use another storage group.',
  ),
  'lock-busy': busy(
    'Another operation holds a lock on the device; try again later, or look who holds it in Unisphere.',
  ),
  'provisioning-busy': busy('Another masking or storage group change is running on this array; try again later.'),
  role: refused('E_ARRAY_RIGHTS', 'Give the user the roles Storage Administrator or Local Replication on this array.'),
  'already-masked': refused(
    'E_DEVICE_UNFIT',
    'The device is already presented by another masking view; remove it there first.',
  ),
  'fast-conflict': refused('E_ARRAY_REFUSED', 'Use a storage group without service level (SRP none) for the pool.'),
  // Whether an array accepts SnapVX on vVols is documented nowhere; expect it to refuse.
  vvol: refused(
    'E_ARRAY_VVOL',
    'Unless its words tell another reason, this array takes no SnapVX snapshots of vVols from users: use the route "managed" for these VMs.',
  ),
  'not-licensed': refused('E_ARRAY_REFUSED', 'SnapVX is part of the TimeFinder licence; ask your Dell representative.'),
  'not-local': refused('E_ARRAY_NOT_LOCAL', 'Configure the Unisphere server that is local to the array.'),
  exists: refused('E_ARRAY_REFUSED', 'An object of this name is already there; it was left untouched.'),
  'not-found': refused('E_ARRAY_REFUSED', 'Check the names in the configuration with `snaphook doctor`.'),
  'no-such-path': refused(
    'E_ARRAY_VERSION',
    'Unisphere does not serve this path: check the configured URL, and whether Unisphere was upgraded just now.',
  ),
  'old-endpoint': unanswered('E_ARRAY_VERSION', 'Upgrade Unisphere: its API is older than the array behind it.'),
  unauthorized: refused(
    'E_ARRAY_LOGIN',
    'Check user name and password of the array; the user must be known to Unisphere.',
  ),
  forbidden: refused(
    'E_ARRAY_RIGHTS',
    'Give the user the roles Storage Administrator or Local Replication on this array.',
  ),
  'too-many-requests': busy('Unisphere limits how often this may be asked; try again in five minutes.'),
  'server-busy': unanswered('E_ARRAY_BUSY', 'Unisphere is starting or overloaded; try again later.'),
  'proxy-busy': unanswered('E_ARRAY_BUSY', 'A proxy in front of Unisphere is overloaded; try again later.'),
  refused: refused('E_ARRAY_REFUSED', 'The array refused the request; its message tells why.'),
  failed: unanswered('E_ARRAY_REFUSED', 'The array refused the request; its message tells why.'),
  unknown: unanswered('E_ARRAY', 'Look into the Unisphere log for this time.'),
};

/** Substrings of real messages, first match wins; texts vary by release and carry prefixes such as `A problem occurred …: `. */
const BY_TEXT: readonly (readonly [substring: string, kind: RefusalKind])[] = [
  ['already in the desired state or mode', 'already-in-desired-state'],
  ['no link target was found', 'no-link-target'],
  ['already a copy session target', 'already-target'],
  ['maximum number of sessions has been exceeded', 'limit'],
  ['maximum allowed devices for a storage group', 'limit'],
  ['unable to acquire the symmetrix device lock', 'lock-busy'],
  ['auto provisioning operation is already in progress', 'provisioning-busy'],
  ['cannot find role for user', 'role'],
  ['in a copy session', 'in-copy-session'],
  ['snapshot has a link', 'snapshot-linked'],
  ['cannot be smaller than source', 'target-too-small'],
  ['already masked within a view', 'already-masked'],
  ['cannot belong to more than one storage group in use by fast', 'fast-conflict'],
  ['not licensed', 'not-licensed'],
  ['is not local', 'not-local'],
  ['virtual volume', 'vvol'],
  ['vvol', 'vvol'],
  ['nullpointerexception', 'old-endpoint'],
  ['no snapshot was found', 'not-found'],
  ['no snapshot named', 'not-found'],
  ['neither a source nor target', 'not-found'],
  ['cannot be found', 'not-found'],
  ['resource already exists', 'exists'],
];
const SNAPSHOT_GONE = /snapshot \S+ not found for/i;

const BY_STATUS: Readonly<Record<number, RefusalKind>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  408: 'unknown',
  409: 'exists',
  429: 'too-many-requests',
  503: 'server-busy',
  504: 'proxy-busy',
};

/** An answer that is no success, as it came. */
export interface BadAnswer {
  readonly status: number;
  /** Parsed JSON; undefined when the body was none. */
  readonly body: unknown;
  readonly raw: string;
}

/**
 * Status and message to one meaning. Login and load are told by the status alone: a 503 may carry any text or none, and says
 * nothing about whether a write happened. Most functional refusals are 500 with a message, some the same text with 400 or 404.
 */
export function classify(answer: BadAnswer, call: 'read' | 'write'): Refusal {
  const { status } = answer;
  const message = messageOf(answer);
  const kind = kindOf(answer, message);
  const { code, retry, effect } = MEANINGS[kind];
  const inItsWords = wordsIn(answer.body) !== undefined;
  if (call === 'write') return { kind, status, message, inItsWords, retry, effect };
  const isPassing = code === 'E_ARRAY_BUSY' || ANSWER_LOST.includes(status);
  return { kind, status, message, inItsWords, retry: isPassing ? 'safe' : 'never', effect: 'none' };
}

function kindOf({ status, body }: BadAnswer, message: string): RefusalKind {
  if (status === 401 || status === 503 || status === 504) return BY_STATUS[status] ?? 'unknown';
  const lower = message.toLowerCase();
  const byText = BY_TEXT.find(([substring]) => lower.includes(substring))?.[1];
  if (byText) return byText;
  if (SNAPSHOT_GONE.test(message)) return 'not-found';
  // A missing object is told in JSON and by name; anything else means that nobody serves this path.
  if (status === 404 && (!isBody(body) || lower === 'not found')) return 'no-such-path';
  const byStatus = BY_STATUS[status];
  if (byStatus) return byStatus;
  if (status === 500 && message !== '') return 'failed';
  return status >= 400 && status < 500 ? 'refused' : 'unknown';
}

/** The message of an error body, whatever it is: JSON with `message`, other JSON, plain text, HTML, nothing. */
function messageOf({ body, raw }: BadAnswer): string {
  const plain = (wordsIn(body) ?? raw.replaceAll(/<[^>]*>/g, ' ')).replaceAll(/\s+/g, ' ').trim();
  return plain.length > 500 ? `${plain.slice(0, 500)}…` : plain;
}

const wordsIn = (body: unknown): string | undefined => (isBody(body) ? text(body, 'message') : undefined);

/** Answers of something on the way that got none from the server in time. */
const ANSWER_LOST: readonly number[] = [408, 502];

/** Load, locks and lost answers: nothing is wrong with the request, it may pass later. */
export function mayPass({ kind, status }: Refusal): boolean {
  return MEANINGS[kind].code === 'E_ARRAY_BUSY' || ANSWER_LOST.includes(status);
}

/** The user may not do it, whatever the state of things. */
export function isAboutRights({ kind }: Refusal): boolean {
  return kind === 'unauthorized' || kind === 'forbidden' || kind === 'role';
}

/** A refused request with vVols in it: they are the reason where the array says so, or says something and names no other reason. */
export function aboutVvols(refusal: Refusal): Refusal {
  const { kind, inItsWords } = refusal;
  return (kind === 'refused' || kind === 'failed') && inItsWords ? { ...refusal, kind: 'vvol' } : refusal;
}

/** The same refusal after a read-back showed that nothing had happened. */
export function withoutEffect(refusal: Refusal): Refusal {
  return { ...refusal, effect: 'none', retry: refusal.retry === 'after-probe' ? 'never' : refusal.retry };
}

/** The error a refusal becomes; `action` is what was tried, such as `link snapshot "x" of 3 devices`. */
export function refusalError(refusal: Refusal, action: string, hint?: string): SnaphookError {
  const meaning = MEANINGS[refusal.kind];
  const said = refusal.message === '' ? `status ${refusal.status}` : `"${refusal.message}" (status ${refusal.status})`;
  return new SnaphookError(meaning.code, `array did not ${action}: ${said}`, {
    hint: hint ?? meaning.hint,
    retry: refusal.retry,
    effect: refusal.effect,
  });
}
