import { SnaphookError } from '../../../ports/errors.ts';
import type { ApplicationKind } from '../../../ports/file-systems.ts';

export interface ProbeRequest {
  readonly kind: ApplicationKind;
  /** Of the volume. */
  readonly mountPoint: string;
  /** Of the database, from the root of the volume. */
  readonly path: string;
  /** A folder that is the probe's alone. */
  readonly scratch: string;
}

export const notSound = ({ kind, path }: ProbeRequest, why: string): SnaphookError =>
  new SnaphookError('E_VERIFY', `${kind} "${path}" is not sound: ${why || 'its program ended without a word'}`, {
    hint: 'Check the database in the guest. Nothing was handed over.',
  });
