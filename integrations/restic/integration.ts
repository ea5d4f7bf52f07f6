import { type InstallRequest, type Integration, NOTHING_PROMISED } from '../contract.ts';
import { hookScript } from '../hook-script.ts';
import { requireLinux } from '../root-script.ts';
import { commandLine, hookWords, typedCall } from '../typed-command.ts';

const NAME = 'restic';

/** restic has no hooks: a script calls them around it. */
export const restic: Integration = {
  name: NAME,
  title: 'restic',
  read: typedCall,
  stdout: 'silent',
  stderr: 'log',
  exits: { degraded: 0, nothingToDo: 0, failed: 'own' },
  limitSeconds: undefined,
  guarantees: { ...NOTHING_PROMISED, postAfterFailedPre: true, postAfterFailedBackup: true, postAfterCancel: true },
  incrementals: 'by-comparison',
  installation: {
    settings: [],
    items: (request) => {
      requireLinux(request, 'restic');
      return [
        hookScript(request, NAME, wrapper(request)),
        {
          kind: 'step',
          text: `Call ${hookScript(request, NAME, []).path} in place of restic, with the words of \`restic backup\` and the exportDirectory of the job.`,
        },
      ];
    },
  },
};

/** Runs restic in the background, so that a signal reaches it, or the hook at work, at once. */
function wrapper(request: InstallRequest): readonly string[] {
  const hook = (phase: 'pre' | 'post') => `${commandLine('linux', hookWords(NAME, phase, request))} --run-id "$id"`;
  return [
    '# The pre hook, restic with the words of this call, and the post hook, whatever happened. Ends as restic ended, or as a signal wants it.',
    'id="$$-$(date +%s)"',
    'child=',
    'stopped=0',
    'pass_on() {',
    '  stopped=$1',
    '  if [ -n "$child" ]; then kill -s INT "$child"; fi',
    '}',
    "trap 'pass_on 129' HUP",
    "trap 'pass_on 130' INT",
    "trap 'pass_on 143' TERM",
    'run() {',
    '  if [ "$stopped" -ne 0 ]; then return; fi',
    '  "$@" &',
    '  child=$!',
    '  if [ "$stopped" -ne 0 ]; then kill -s INT "$child"; fi',
    '  while true; do',
    '    wait "$child"',
    '    code=$?',
    '    if ! kill -0 "$child" 2>/dev/null; then break; fi',
    '  done',
    '  child=',
    '}',
    'code=0',
    `run ${hook('pre')}`,
    'if [ "$code" -eq 0 ]; then run restic "$@"; fi',
    "trap '' HUP INT TERM",
    hook('post'),
    'released=$?',
    'if [ "$stopped" -ne 0 ]; then code=$stopped; fi',
    'if [ "$code" -eq 0 ]; then code=$released; fi',
    'exit "$code"',
  ];
}
