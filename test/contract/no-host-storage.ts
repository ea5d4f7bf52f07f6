import type { HostStorage } from '../../src/ports/host-storage.ts';

const uncalled = (): never => {
  throw new Error('nothing here makes clones');
};

/** For worlds without clones: whoever asks it fails. */
export const noHostStorage: HostStorage = {
  sessionKey: uncalled,
  findHost: uncalled,
  datastoresOf: uncalled,
  homeOf: uncalled,
  findFolder: uncalled,
  whenIdle: uncalled,
  rescan: uncalled,
  devices: uncalled,
  unresolvedCopies: uncalled,
  resignature: uncalled,
  datastoresOn: uncalled,
  unmount: uncalled,
  detach: uncalled,
  forget: uncalled,
  register: uncalled,
  giveIdentity: uncalled,
  diskFiles: uncalled,
  unregister: uncalled,
  close: async () => undefined,
};
