import type { InstanceUuid, MoRef } from '../ports/identity.ts';
import type { StoredImage } from '../ports/image-source.ts';
import type { WrittenFile } from '../ports/images.ts';
import type { ImportPlace, NewVm } from '../ports/vm-import.ts';

/** A disk of a VM, and the image that is its content. */
export interface RestorableDisk {
  readonly key: number;
  readonly label: string;
  readonly image: StoredImage & { readonly dataBytes: number };
}

/** A VM that is there, and that a restore changes. */
export interface ExistingVm {
  readonly moRef: MoRef;
  readonly name: string;
  readonly instanceUuid: InstanceUuid;
}

/** What a restore will make, computed before anything is changed. */
export interface RestorePlan {
  readonly directory: string;
  readonly of: { readonly name: string; readonly instanceUuid: InstanceUuid; readonly grade: string };
  readonly backup: {
    readonly runId: string;
    readonly snapshot: string;
    readonly createdAt: string;
    readonly takenAt: string;
  };
  /** Under its last name, or that of `into`. Until it is complete it may have another: `interimNameOf`. */
  readonly vm: Omit<NewVm, 'mark' | 'annotation'>;
  readonly disks: readonly RestorableDisk[];
  readonly place: ImportPlace;
  /** Settings of its firmware, uploaded before its disks; undefined: the backup has none, or they are not wanted. */
  readonly nvram: WrittenFile | undefined;
  /** Its place is taken: it is renamed and stays. */
  readonly replaces: ExistingVm | undefined;
  /** It gets the disks; the VM that is made keeps their files. Absent: the VM that is made is what was asked for. */
  readonly into?: ExistingVm | undefined;
  readonly warnings: readonly string[];
}

/** A VM that vCenter waits for the disks of. */
export interface BegunImport {
  readonly lease: string;
  readonly vm: MoRef;
}

/** Single files that are taken out of images. Everything is done in one folder, which goes at the end. */
export interface FilesRestore {
  readonly of: { readonly name: string };
  /** Absolute. */
  readonly workFolder: string;
  /** Each is a file in that folder, mounted in a folder of it. */
  readonly disks: readonly { readonly file: string; readonly folder: string }[];
}

/** Of a name that a run id is added to. */
const NAME_PART = 50;

/** What the VM is called until it takes its place; what one that keeps files for another is called. */
export function interimNameOf({ vm: { name }, replaces, into }: RestorePlan, runId: string): string {
  if (into) return `${into.name.slice(0, NAME_PART)}-disks-${runId}`;
  return replaces ? `${name.slice(0, NAME_PART)}-restoring-${runId}` : name;
}

/** With it a restore has come to its end. */
export function lastStepOf({ replaces, into }: RestorePlan): 'import' | 'replace' | 'attach' {
  if (into) return 'attach';
  return replaces ? 'replace' : 'import';
}

/** What the VM is called whose place was taken. */
export const keptNameOf = ({ name }: ExistingVm, runId: string): string =>
  `${name.slice(0, NAME_PART)}-replaced-${runId}`;
