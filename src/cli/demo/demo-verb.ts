import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { startLab } from '../../lab/lab.ts';
import type { Invocation, VerbResult } from '../console.ts';
import { EXIT } from '../exit-codes.ts';
import { jsonDocument } from '../render/json.ts';
import { splitEstablish } from './counter-proofs.ts';
import { backupAndRestore } from './main-job.ts';
import { backupWithoutFreeze } from './no-freeze.ts';
import { demoText } from './report.ts';

const LATENCY_MS = 5;
const WARM_UP_TRANSACTIONS = 20;

/**
 * The main job, end to end, against the lab: the hooks run as processes of their own over the real protocols; the lab judges.
 * Two counter-proofs show that the judge can say no.
 */
export async function demoVerb(invocation: Invocation, signal: AbortSignal): Promise<VerbResult> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'snaphook-demo-'));
  const say = (text: string) => {
    if (!invocation.json) process.stderr.write(`${text}\n`);
  };
  say('Starting the lab: vCenter, Unisphere, a Windows guest with a busy database, a backup proxy ...');
  const lab = await startLab({ directory, latencyMs: LATENCY_MS });
  try {
    while (lab.application.lastAcknowledged < WARM_UP_TRANSACTIONS) await lab.pause(10);
    say('Backing up: pre hook, tar, post hook; then restoring ...');
    const main = await backupAndRestore(lab, invocation.debug, signal);
    say('Counter-proof 1: the same without freezing the guest ...');
    const noFreeze = await backupWithoutFreeze(lab, invocation.debug, signal);
    say('Counter-proof 2: one establish for each disk, moments apart ...');
    const split = await splitEstablish(lab);
    const counterProofs = { noFreeze, splitEstablish: split };
    const ok =
      main.ok && noFreeze.grade === 'crash' && noFreeze.hotJournal && noFreeze.integrity === 'ok' && split.corrupt > 0;
    return {
      document: jsonDocument('demo', {
        ...main,
        ok,
        counterProofs,
        lab: { vvolSnapVx: lab.vvolSnapVx, latencyMs: lab.latencyMs },
      }),
      text: demoText(main, counterProofs, lab.vvolSnapVx, ok),
      exitCode: ok ? EXIT.ok : EXIT.verify,
    };
  } finally {
    await lab.close();
    await rm(directory, { recursive: true, force: true });
  }
}
