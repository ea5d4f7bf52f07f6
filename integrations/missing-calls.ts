import type { Guarantees, InstallItem } from './contract.ts';

/** What an administrator has to know of the post hooks that may not come: none comes when the product itself is killed. */
export function missingCallsStep(title: string, guarantees: Guarantees): InstallItem {
  const endings = [
    ...(guarantees.postAfterFailedPre ? [] : ['a pre hook that failed']),
    ...(guarantees.postAfterFailedBackup ? [] : ['a backup that failed']),
    ...(guarantees.postAfterCancel ? [] : ['a backup that was cancelled']),
    'a backup whose product was killed',
  ];
  const sentences = [
    `Do not count on a post hook of ${title} after ${endings.join(', or ')}.`,
    ...(guarantees.postAfterFailedPre
      ? []
      : [
          'A pre hook that fails undoes everything itself; what one leaves that is killed, the next pre hook of the job undoes.',
        ]),
    handedOverText(guarantees),
    'Let a scheduler run `snaphook reap` every night: it exits 20 when something was left.',
  ];
  return { kind: 'step', text: sentences.join(' ') };
}

function handedOverText({ mayOverlap, sameIdOnRetry }: Guarantees): string {
  const replace = mayOverlap
    ? 'with `onOpenRun: replace`, for jobs of which no backup can still be reading, it ends that run first'
    : 'with `onOpenRun: replace` it ends that run first, which is safe, as two backups of the job never overlap';
  const retry = sameIdOnRetry ? ' Another try of the same backup replaces its earlier one in any case.' : '';
  return `What was handed over stays until then: the next pre hook of the job exits 11 with \`onOpenRun: fail\`, the default, until \`snaphook reap --apply --include-waiting\`; ${replace}.${retry}`;
}
