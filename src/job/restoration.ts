import type { InstanceUuid, MoRef } from '../ports/identity.ts';
import type { StoredImage } from '../ports/image-source.ts';
import type { ImportPlace, NewVm } from '../ports/vm-import.ts';

/** A disk of a VM, and the image that is its content. */
export interface RestorableDisk {
  readonly key: number;
  readonly label: string;
  readonly image: StoredImage & { readonly dataBytes: number };
}

/** The VM whose place the restored one takes. It is renamed and stays. */
export interface ReplacedVm {
  readonly moRef: MoRef;
  readonly name: string;
  readonly instanceUuid: InstanceUuid;
}

/** What a restore will make, computed before anything is changed. */
export interface RestorePlan {
  readonly directory: string;
  readonly of: { readonly name: string; readonly instanceUuid: InstanceUuid; readonly grade: string };
  readonly backup: { readonly runId: string; readonly snapshot: string; readonly createdAt: string };
  /** Under its last name. Until it is complete it may have another: `interimName`. */
  readonly vm: Omit<NewVm, 'mark' | 'annotation'>;
  readonly disks: readonly RestorableDisk[];
  readonly place: ImportPlace;
  readonly replaces: ReplacedVm | undefined;
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

/** What the VM is called until it takes its place. */
export const interimNameOf = ({ vm: { name }, replaces }: RestorePlan, runId: string): string =>
  replaces ? `${name.slice(0, NAME_PART)}-restoring-${runId}` : name;

/** What the VM is called whose place was taken. */
export const keptNameOf = ({ name }: ReplacedVm, runId: string): string =>
  `${name.slice(0, NAME_PART)}-replaced-${runId}`;
