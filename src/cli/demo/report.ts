import { bytesText, millisecondsText, table } from '../render/text.ts';
import type { SplitEstablish } from './counter-proofs.ts';
import type { MainJobResult } from './main-job.ts';
import type { NoFreezeResult } from './no-freeze.ts';

export interface CounterProofs {
  readonly noFreeze: NoFreezeResult;
  readonly splitEstablish: SplitEstablish;
}

/** The demo's result for people. */
export function demoText(
  main: MainJobResult,
  { noFreeze, splitEstablish }: CounterProofs,
  vvolSnapVx: 'accepted' | 'refused',
  ok: boolean,
): string {
  const { window, calls, bytes, database, restore } = main;
  const yes = (good: boolean) => (good ? 'yes' : 'NO');
  const rows: (readonly [string, string])[] = [
    ...main.vms.map(({ name, grade, reasons }) => [`grade of ${name}`, [grade, ...reasons].join('; ')] as const),
    [
      'freeze window',
      `${millisecondsText(window.lengthMs)}: array ${millisecondsText(window.arrayMs)}, overhead ${millisecondsText(window.overheadMs)} at ${window.rttMs} ms round trip`,
    ],
    [
      'calls in the window',
      `array ${window.calls?.array}, vCenter ${window.calls?.vcenter}, new connections ${window.calls?.connections}`,
    ],
    ['calls in all', `array ${calls.array}, vCenter ${calls.vcenter}, guest ${calls.guest}`],
    [
      'captured',
      `${main.devices.length} devices, ${bytesText(bytes.captured)}; ${bytesText(bytes.exported)} of data exported`,
    ],
    ['restored images identical', `${yes(restore.identical)} (${restore.images} compared with the snapshot itself)`],
    [
      'restored database opens',
      `integrity ${database.integrity}, sums ${yes(database.sumInvariant)}, journal to roll back: ${database.hotJournal ? 'YES' : 'none'}`,
    ],
    [
      'last acknowledged transaction',
      `${database.lastAcknowledged}: present ${yes(database.lastAcknowledgedPresent)}, later ones present: ${database.afterFreezePresent ? 'YES' : 'none'}`,
    ],
    ['left behind', main.leftovers.length === 0 ? 'nothing' : main.leftovers.join(', ')],
    [
      'without freeze',
      `graded "${noFreeze.grade}"; journal ${noFreeze.hotJournal ? 'has to be rolled back' : 'is clean'}, then integrity ${noFreeze.integrity}`,
    ],
    ['one establish a disk', `${splitEstablish.corrupt} of ${splitEstablish.tries} copies corrupt: the check can fail`],
  ];
  const note = `The lab's array has user snapshots of vVols ${vvolSnapVx}; whether a real one does is not publicly documented.`;
  return `${table(rows)}${note}\n${ok ? 'All of it as promised.' : 'NOT as promised: see the lines above.'}\n`;
}
