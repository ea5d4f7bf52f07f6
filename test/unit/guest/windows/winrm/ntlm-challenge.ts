import { encodeTargetInfo } from '../../../../../src/guest/windows/winrm/ntlm-messages.ts';

/** Flags a Windows server sends, signing and sealing with 128 bits among them. */
export const FULL_FLAGS = 0xe28a8235 | 0x10;

/** A challenge as a server sends it, with these flags and attribute pairs. */
export function challengeMessage(flags: number, pairs: Parameters<typeof encodeTargetInfo>[0]): Buffer {
  const info = encodeTargetInfo(pairs);
  const head = Buffer.alloc(56);
  head.write('NTLMSSP\0', 'latin1');
  head.writeUInt32LE(2, 8);
  head.writeUInt32LE(56, 16);
  head.writeUInt32LE(flags >>> 0, 20);
  Buffer.from('0123456789abcdef', 'hex').copy(head, 24);
  head.writeUInt16LE(info.length, 40);
  head.writeUInt16LE(info.length, 42);
  head.writeUInt32LE(56, 44);
  return Buffer.concat([head, info]);
}
