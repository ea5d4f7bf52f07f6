import type { TlsTrust } from '../platform/tls.ts';
import type { Clock } from '../ports/clock.ts';
import { SnaphookError } from '../ports/errors.ts';
import { moRef } from '../ports/identity.ts';
import { nextLookMs } from '../ports/polling.ts';
import type { VmHardware } from '../ports/vm-hardware.ts';
import type { OpenImport } from '../ports/vm-import.ts';
import { child, children, integer, ref, text, type VimRef } from './decode.ts';
import { leaseProgress, NVRAM_NAME, onObject } from './encode-import.ts';
import { errorOfFault, errorOfUnreadableAnswer, readDataFault } from './faults.ts';
import { type DeviceUrl, uploadDisk } from './lease-upload.ts';
import type { Sessions } from './session.ts';
import { readObject } from './tasks.ts';
import { writeBesideConfiguration } from './vm-configurations.ts';

/** vCenter gives a lease up after `leaseTimeout`, mostly 300 s, without a word. */
const LONGEST_SILENCE_MS = 30_000;
const DEFAULT_LEASE_SECONDS = 300;
const SIGNS_IN_A_LEASE = 5;
/** It makes a VM and empty disks by then. */
const READY_MS = 10 * 60_000;

export interface LeaseWorld {
  readonly sessions: Sessions;
  readonly clock: Clock;
  /** Host name of vCenter. */
  readonly server: string;
  readonly tls: TlsTrust;
  readonly complete: (signal: AbortSignal) => Promise<void>;
  readonly abort: (signal: AbortSignal) => Promise<void>;
}

/** Waits until vCenter is ready for the disks, then keeps the lease alive until it is ended. */
export async function openLease(
  lease: VimRef,
  hardware: VmHardware,
  world: LeaseWorld,
  signal: AbortSignal,
): Promise<OpenImport> {
  await whenReady(lease, world, signal);
  const found = await world.sessions.run(signal, (session) => readObject(session, lease, ['info']));
  const info = found?.properties.get('info');
  const vm = ref(child(info, 'entity'));
  if (vm === undefined) throw errorOfUnreadableAnswer(world.server, 'ImportVApp');
  const urls = children(info, 'deviceUrl').map(
    (one): DeviceUrl => ({
      key: text(child(one, 'importKey')) ?? text(child(one, 'key')) ?? '',
      url: text(child(one, 'url')) ?? '',
      thumbprint: text(child(one, 'sslThumbprint')) ?? '',
    }),
  );
  const leaseMs = (integer(child(info, 'leaseTimeout')) ?? DEFAULT_LEASE_SECONDS) * 1000;
  const alive = keepAlive(lease, world, leaseMs);
  return {
    lease: lease.id,
    vm: moRef(vm.id),
    upload: (diskKey, stream, uploading) =>
      uploadDisk(urlOf(urls, hardware, diskKey), world, stream, AbortSignal.any([uploading, alive.lost])),
    writeNvram: (content, writing) =>
      world.sessions.run(AbortSignal.any([writing, alive.lost]), (session) =>
        writeBesideConfiguration(session, vm, NVRAM_NAME, content),
      ),
    report: alive.report,
    complete: (ending) => {
      alive.stop();
      return world.complete(ending);
    },
    abort: (ending) => {
      alive.stop();
      return world.abort(ending);
    },
  };
}

async function whenReady(lease: VimRef, { sessions, clock, server }: LeaseWorld, signal: AbortSignal): Promise<void> {
  const sinceMs = clock.monotonicMs();
  for (;;) {
    const found = await sessions.run(signal, (session) => readObject(session, lease, ['state', 'error']));
    const state = text(found?.properties.get('state'));
    if (state === 'ready') return;
    if (state !== 'initializing') {
      const error = found?.properties.get('error');
      if (error !== undefined) throw errorOfFault(server, 'ImportVApp', readDataFault(error));
      throw new SnaphookError('E_VCENTER', `vCenter "${server}" ended the import of the VM before it began`, {
        hint: 'See the tasks of the resource pool in vCenter.',
      });
    }
    const waitedMs = clock.monotonicMs() - sinceMs;
    if (waitedMs >= READY_MS) {
      throw new SnaphookError(
        'E_VCENTER',
        `vCenter "${server}" was not ready for the disks of the VM within ${READY_MS} ms`,
        {
          hint: 'See the tasks of the resource pool in vCenter, and whether the ESXi host and the datastore answer.',
        },
      );
    }
    await clock.sleep(nextLookMs(waitedMs), signal);
  }
}

/**
 * A sign of life that is refused means that the lease is over, and every upload with it; one that vCenter does not hear is repeated for
 * as long as the lease lasts.
 */
function keepAlive(lease: VimRef, { sessions, clock }: LeaseWorld, leaseMs: number) {
  const silenceMs = Math.min(LONGEST_SILENCE_MS, leaseMs / SIGNS_IN_A_LEASE);
  const stopped = new AbortController();
  const lost = new AbortController();
  let percent = 0;
  const beat = async () => {
    for (let heardMs = clock.monotonicMs(); ; ) {
      await clock.sleep(silenceMs, stopped.signal);
      try {
        await sessions.run(stopped.signal, (session) =>
          session.call('HttpNfcLeaseProgress', leaseProgress(lease, percent)),
        );
        heardMs = clock.monotonicMs();
      } catch (error) {
        const isUnheard = error instanceof SnaphookError && error.code === 'E_VCENTER_UNREACHABLE';
        if (!isUnheard || clock.monotonicMs() - heardMs >= leaseMs) throw error;
      }
    }
  };
  beat().catch((error: unknown) => {
    if (!stopped.signal.aborted) lost.abort(error);
  });
  return {
    lost: lost.signal,
    stop: () => stopped.abort(),
    report: (now: number) => {
      percent = Math.min(99, Math.max(percent, Math.floor(now)));
    },
  };
}

/** The address of a disk is told by where it hangs: `…/ParaVirtualSCSIController0:1`. */
function urlOf(urls: readonly DeviceUrl[], { slots, controllers }: VmHardware, diskKey: number): DeviceUrl {
  const slot = slots.find(({ disk }) => disk === diskKey);
  const controller = controllers.find(({ key }) => key === slot?.controller);
  const wanted = `/${controller?.type}${controller?.busNumber}:${slot?.unit}`;
  const [url, ...others] = urls.filter(({ key }) => key.endsWith(wanted));
  if (url && others.length === 0) return url;
  throw new SnaphookError(
    'E_RESTORE',
    `vCenter has ${others.length === 0 ? 'no place' : 'several places'} for the disk at "${wanted}"`,
    {
      hint: `It offers ${urls.map(({ key }) => `"${key}"`).join(', ') || 'none'}. This is a defect in snaphook; please report it.`,
    },
  );
}

export const leaseRef = (id: string): VimRef => ({ type: 'HttpNfcLease', id });
export const onLease = (id: string) => onObject(leaseRef(id));
