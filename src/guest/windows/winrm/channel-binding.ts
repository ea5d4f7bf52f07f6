import { createHash } from 'node:crypto';

/** MD5 of a gss_channel_bindings_struct that has application data only (MS-NLMP 2.2.2.1, RFC 4121 4.1.1.2). */
export function channelBindingHash(applicationData: Buffer): Buffer {
  const head = Buffer.alloc(20);
  head.writeUInt32LE(applicationData.length, 16);
  return createHash('md5').update(head).update(applicationData).digest();
}
