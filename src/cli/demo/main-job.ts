import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Lab } from '../../lab/lab.ts';
import { archive, restore, runHookProgram } from './child.ts';
import { checkImages, hashOfDevice, hashOfFile, snapshotDevice } from './database-images.ts';
import { leftovers } from './leftovers.ts';
import { acknowledgedBefore, establishMoments, observeWindow, requestsOf } from './observe.ts';
import { type PreDocument, readPreDocument } from './pre-document.ts';

const JOB = 'nightly';

/** Pre hook, archive, post hook, restore; everything measured is the lab's word or read from the restored bytes. */
export async function backupAndRestore(lab: Lab, showLog: boolean, signal: AbortSignal) {
  const startedMs = performance.now();
  const firstEvent = lab.events.events.length;
  const args = ['--config', lab.configFile, '--job', JOB];
  const preHook = await runHookProgram('pre-backup', args, showLog, signal);
  const pre = readPreDocument(preHook.document);
  const snapshots = hashesOfSnapshots(lab, pre);
  const archiveFile = path.join(lab.directory, 'archive.tar');
  await archive(pre.directory, archiveFile);
  await lab.linksDefined();
  const postHook = await runHookProgram('post-backup', args, showLog, signal);
  const events = lab.events.since(firstEvent);
  const left = leftovers(lab);

  const restored = path.join(lab.directory, 'restored');
  await mkdir(restored);
  await restore(archiveFile, restored);
  const identical = pre.images.map((image) => {
    const hash = hashOfFile(path.join(restored, image.path));
    return hash === image.contentHash.value && hash === snapshots.get(image.device);
  });
  const check = await checkImages(lab, restored, pre.images);
  const [momentMs] = establishMoments(events);
  const lastAcknowledged = momentMs === undefined ? Number.POSITIVE_INFINITY : acknowledgedBefore(lab, momentMs);
  const window = observeWindow(events);
  const database = {
    integrity: check.integrity,
    sumInvariant: check.sumInvariant,
    ledgerConsistent: check.ledgerConsistent,
    hotJournal: check.hotJournal,
    lastTransaction: check.lastTransaction,
    lastAcknowledged,
    lastAcknowledgedPresent: check.lastTransaction !== undefined && check.lastTransaction >= lastAcknowledged,
    afterFreezePresent: check.lastTransaction === undefined || check.lastTransaction > lastAcknowledged,
  };
  const ok =
    preHook.exitCode === 0 &&
    postHook.exitCode === 0 &&
    pre.vms.every(({ grade }) => grade === 'application') &&
    identical.every(Boolean) &&
    database.integrity === 'ok' &&
    database.sumInvariant &&
    database.ledgerConsistent &&
    !database.hotJournal &&
    database.lastAcknowledgedPresent &&
    !database.afterFreezePresent &&
    left.length === 0 &&
    window?.calls.array === 1 &&
    window.calls.vcenter === 0 &&
    window.calls.connections === 0;
  return {
    ok,
    job: JOB,
    runId: pre.runId,
    vms: pre.vms,
    devices: pre.snapshot.devices,
    window: {
      ...pre.window,
      rttMs: lab.latencyMs,
      overheadMs: pre.window.lengthMs - pre.window.arrayMs - 2 * lab.latencyMs,
      observedMs: window?.lengthMs,
      calls: window?.calls,
    },
    calls: {
      array: requestsOf(events, 'array'),
      vcenter: requestsOf(events, 'vcenter'),
      guest: requestsOf(events, 'guest'),
    },
    bytes: {
      captured: sum(pre.images.map(({ sizeBytes }) => sizeBytes)),
      exported: sum(pre.images.map(({ dataBytes }) => dataBytes)),
      archived: (await stat(archiveFile)).size,
    },
    hooks: { preMs: preHook.tookMs, postMs: postHook.tookMs, totalMs: performance.now() - startedMs },
    restore: { identical: identical.length > 0 && identical.every(Boolean), images: identical.length },
    database,
    leftovers: left,
  };
}

export type MainJobResult = Awaited<ReturnType<typeof backupAndRestore>>;

/** Read from the array itself while the snapshot still exists: what the images must be compared with. */
function hashesOfSnapshots(lab: Lab, pre: PreDocument): ReadonlyMap<string, string> {
  return new Map(
    pre.images.map(({ device, sizeBytes }) => [
      device,
      hashOfDevice(snapshotDevice(lab, device, pre.snapshot.name), sizeBytes),
    ]),
  );
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
