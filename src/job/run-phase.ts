export const RECORD_KINDS = [
  'opened',
  'login',
  'logout',
  'creating',
  'created',
  'planned',
  'found',
  'restoring',
  'restoring-files',
  'importing',
  'completing',
  'aborted',
  'intent',
  'session',
  'parking',
  'unparked',
  'backup-ended',
  'done',
  'failed',
  'refused',
  'undoing',
  'undone',
  'undo-failed',
  'handed-over',
  'joined',
  'left',
  'labelled',
  'closed',
] as const;
/** What a line of a journal can be. */
type Kind = (typeof RECORD_KINDS)[number];

/**
 * The life of a run as its journal tells it: phases, and the records that lead from one to the next. A test compares this
 * drawing with the table below.
 *
 *   none --opened--> opened --planned--> planned --intent--> working --handed-over--> handed-over --undoing--> releasing --closed--> closed
 *     |                |                    |                   |
 *   none --failed---> failing               |                   |         the pre hook failed and undoes what it did
 *                    opened --failed---> failing                |
 *                    opened --restoring--> planned              |         a restore, which is never handed over
 *                    opened --restoring-files--> planned        |
 *                                        planned --failed--> failing
 *                                                            working --failed--> failing --closed--> closed
 *                                                                 handed-over --failed--> failing
 *                                                                 handed-over --undone--> releasing
 *                                                                 handed-over --undo-failed--> releasing
 *     |                |                    |                   |         a line that was written though it was said not to be, or the reverse
 *   none --closed---> closed                |                   |         its process died, maybe before its first record;
 *                    opened --closed---> closed                 |         the next hook, or reap, ended it
 *                                        planned --closed--> closed
 *                                                            working --closed--> closed
 *
 *   A record that leaves the run in its phase; a kept snapshot is renamed and deleted when its run is long closed:
 *     opened     ( login creating created found )
 *     working    ( planned importing completing aborted intent session parking unparked done refused undoing undone undo-failed login logout )    guest sessions end on the way
 *                forward; other targets are planned when one was taken
 *     failing    ( failed undoing undone undo-failed unparked aborted done login logout )    an import that proves to be complete is done after all
 *     handed-over ( joined left backup-ended )    other calls of the same run of the product, and what the last one said
 *     releasing  ( undoing undone undo-failed unparked backup-ended login logout )
 *     closed     ( labelled undoing undone undo-failed failed closed )    its maker was told that its end was not written, and it was
 *     Steps of the route managed are in vCenter between login and logout.
 *
 * A process that dies writes no record: its run stays where it is until a post hook, the next pre hook or reap goes on.
 */
export type RunPhase = 'none' | 'opened' | 'planned' | 'working' | 'failing' | 'handed-over' | 'releasing' | 'closed';

export const RUN_TRANSITIONS: Readonly<Record<RunPhase, Readonly<Partial<Record<Kind, RunPhase>>>>> = {
  none: { opened: 'opened', failed: 'failing', closed: 'closed' },
  opened: {
    login: 'opened',
    creating: 'opened',
    created: 'opened',
    found: 'opened',
    planned: 'planned',
    restoring: 'planned',
    'restoring-files': 'planned',
    failed: 'failing',
    closed: 'closed',
  },
  planned: { intent: 'working', failed: 'failing', closed: 'closed' },
  working: {
    planned: 'working',
    importing: 'working',
    completing: 'working',
    aborted: 'working',
    login: 'working',
    logout: 'working',
    intent: 'working',
    session: 'working',
    parking: 'working',
    unparked: 'working',
    done: 'working',
    refused: 'working',
    undoing: 'working',
    undone: 'working',
    'undo-failed': 'working',
    'handed-over': 'handed-over',
    failed: 'failing',
    closed: 'closed',
  },
  failing: {
    login: 'failing',
    logout: 'failing',
    failed: 'failing',
    aborted: 'failing',
    unparked: 'failing',
    done: 'failing',
    undoing: 'failing',
    undone: 'failing',
    'undo-failed': 'failing',
    closed: 'closed',
  },
  'handed-over': {
    joined: 'handed-over',
    left: 'handed-over',
    'backup-ended': 'handed-over',
    failed: 'failing',
    undoing: 'releasing',
    undone: 'releasing',
    'undo-failed': 'releasing',
  },
  releasing: {
    login: 'releasing',
    logout: 'releasing',
    undoing: 'releasing',
    undone: 'releasing',
    'undo-failed': 'releasing',
    unparked: 'releasing',
    'backup-ended': 'releasing',
    closed: 'closed',
  },
  closed: {
    labelled: 'closed',
    undoing: 'closed',
    undone: 'closed',
    'undo-failed': 'closed',
    failed: 'closed',
    closed: 'closed',
  },
};

/** Records that begin something. One out of its place is never written; those that end something are taken in every phase. */
export const BEGINNINGS: ReadonlySet<Kind> = new Set<Kind>([
  'opened',
  'creating',
  'planned',
  'found',
  'restoring',
  'restoring-files',
  'importing',
  'completing',
  'intent',
  'parking',
  'handed-over',
  'joined',
]);

/** The phase after a record; undefined when a run in this phase never writes it. */
export const phaseAfter = (phase: RunPhase, kind: Kind): RunPhase | undefined => RUN_TRANSITIONS[phase][kind];
