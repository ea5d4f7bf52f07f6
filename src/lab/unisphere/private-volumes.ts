import type { DeviceInfo, SnapshotInfo, TargetLink } from '../devices/store-contract.ts';
import { capacityOf } from './device-identity.ts';
import type { LabArray } from './lab-array.ts';
import { hasSnapIds } from './releases.ts';
import { isShownRestored, shownGeneration } from './snapvx-session.ts';
import { allocatedPercent, hasEffectiveWwn } from './volume-answers.ts';

/** One row of `GET /private/{ver}/sloprovisioning/symmetrix/{id}/volume`. */
export function privateVolumeBody(array: LabArray, device: DeviceInfo): unknown {
  const groups = array.index.groupsOf(device.id);
  const views = array.index.viewsOf(device.id);
  return {
    volumeHeader: {
      volumeId: device.id,
      nameModifier: '',
      formattedName: device.id,
      configuration: 'TDEV',
      SRP: groups.find((group) => group.srp !== undefined)?.srp,
      serviceLevel: groups.find((group) => group.serviceLevel !== undefined)?.serviceLevel,
      storageGroup: groups.length > 0 ? groups.map((group) => group.id) : undefined,
      serviceState: 'Normal',
      status: 'Ready',
      capTB: capacityOf(device.cylinders).tb,
      capGB: capacityOf(device.cylinders).gb,
      capMB: capacityOf(device.cylinders).mb,
      blockSize: 512,
      allocatedPercent: allocatedPercent(device),
      emulationType: device.emulation,
      system_resource: false,
      encapsulated: false,
      BCV: false,
      FBA: device.emulation === 'FBA',
      CKD: device.emulation === 'CKD',
      mapped: views.length > 0,
      private: false,
      dataDev: false,
      VVol: array.index.vvolOf(device.id) !== undefined,
      mobilityID: array.config.devices[device.id]?.mobilityWwn !== undefined,
      meta: false,
      metaHead: false,
      numSymDevMaskingViews: views.length,
      numStorageGroups: groups.length,
      wwn: array.wwnOf(device.id),
      hasEffectiveWWN: hasEffectiveWwn(array, device.id),
      effectiveWWN: array.effectiveWwnOf(device.id),
      userDefinedIdentifier: array.config.devices[device.id]?.identifier ?? 'N/A',
      reservationInfo: { reserved: false },
    },
    maskingInfo: { masked: views.length > 0 },
    rdfInfo: {
      dynamicRDF: false,
      RDF: false,
      concurrentRDF: false,
      getDynamicRDFCapability: 'RDF1_Capable',
      RDFA: false,
    },
    timeFinderInfo: timeFinderInfo(array, device),
  };
}

function timeFinderInfo(array: LabArray, device: DeviceInfo): unknown {
  const snapshots = array.store.snapshots(device.id);
  const link = array.store.linkOf(device.id);
  const sessions = [
    ...(snapshots.length > 0 ? [{ srcSnapshotGenInfo: snapshots.map((one) => sourceInfo(array, one)) }] : []),
    ...(link ? [{ tgtSrcSnapshotGenInfo: targetInfo(array, device.id, link) }] : []),
  ];
  return {
    mirror: false,
    snapVXTgt: link !== undefined,
    cloneTarget: false,
    cloneSrc: false,
    snapVXSrc: snapshots.length > 0,
    snapVXSession: sessions.length > 0 ? sessions : undefined,
  };
}

const HOUR_MS = 3_600_000;

/** Hours the snapshot was given; the unit of this field is inferred, no client uses it. */
export const hoursToLive = (snapshot: SnapshotInfo): number =>
  snapshot.expiresAt ? Math.round((snapshot.expiresAt.getTime() - snapshot.createdAt.getTime()) / HOUR_MS) : 0;

function sourceInfo(array: LabArray, snapshot: SnapshotInfo): unknown {
  return {
    snapshotHeader: {
      device: snapshot.source,
      snapshotName: snapshot.name,
      snapid: hasSnapIds(array.microcode) ? snapshot.snapId : undefined,
      generation: shownGeneration(array, snapshot.generation),
      timestamp: snapshot.createdAt.getTime(),
      timeToLive: hoursToLive(snapshot),
      expired: snapshot.expired,
      secured: snapshot.secured,
    },
    lnkSnapshotGenInfo:
      snapshot.links.length > 0
        ? snapshot.links.map((link) => ({
            targetDevice: link.target,
            state: link.state,
            restored: isShownRestored(array, snapshot),
            defined: link.defined,
            destaged: false,
            backgroundDef: link.backgroundDefineInProgress,
          }))
        : undefined,
  };
}

function targetInfo(array: LabArray, device: string, link: TargetLink): unknown {
  const snapshot = array.store.snapshots(link.source).find((one) => one.snapId === link.snapId);
  return {
    targetDevice: device,
    sourceDevice: link.source,
    snapshotName: link.name,
    snapid: hasSnapIds(array.microcode) ? link.snapId : undefined,
    generation: shownGeneration(array, link.generation),
    timestamp: snapshot?.createdAt.getTime(),
    timeToLive: snapshot ? hoursToLive(snapshot) : undefined,
    expired: snapshot?.expired ?? false,
    secured: snapshot?.secured ?? false,
    state: link.info.state,
  };
}
