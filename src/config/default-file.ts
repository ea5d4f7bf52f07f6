/** Where the configuration is looked for when no file is named. */
export const DEFAULT_CONFIG_FILE =
  process.platform === 'win32' ? 'C:\\ProgramData\\snaphook\\snaphook.yaml' : '/etc/snaphook/snaphook.yaml';
