interface WriterComponent {
  readonly logicalPath: string;
  /** Mount points of the volumes its files lie on. */
  readonly mountPoints: readonly string[];
}

export interface WriterConfig {
  /** Writer class id. */
  readonly id: string;
  readonly name: string;
  /** Longest simulated time between its Freeze and Thaw; VSS: 60 s, Exchange: 20 s. */
  readonly windowMs: number;
  readonly components: readonly WriterComponent[];
  /** Its freeze quiesces the guest's database application. */
  readonly ownsApplication: boolean;
}

const WINDOW_MS = 60_000;
const EXCHANGE_WINDOW_MS = 20_000;

/** Class ids: "In-Box VSS Writers" (Microsoft), SqlServerWriter from its registration. */
const IN_BOX: readonly (readonly [id: string, name: string, component: string])[] = [
  ['e8132975-6f93-4464-a53e-1050253ae220', 'System Writer', 'System Files'],
  ['afbab4a2-367d-4d15-a586-71dbb18f8485', 'Registry Writer', 'Registry'],
  ['542da469-d3e1-473c-9f4f-7847f01fc64f', 'COM+ REGDB Writer', 'COM+ REGDB'],
  ['a6ad56c2-b509-4e6c-bb19-49d8f43532f0', 'WMI Writer', 'WMI'],
  ['d61d61c8-d73a-4eee-8cdd-f6f9786b7124', 'Task Scheduler Writer', 'TasksStore'],
  ['be000cbe-11fe-4426-9c58-531aa6355fc4', 'ASR Writer', ''],
  ['4dc3bdd4-ab48-4d07-adb0-3bee2926fd7f', 'Shadow Copy Optimization Writer', ''],
  ['75dfb225-e2e4-4d39-9ac9-ffaff65ddf06', 'VSS Metadata Store Writer', ''],
];

export const SQL_SERVER_WRITER = 'a65faa63-5ea8-4ebc-9dbd-a0c4db26912a';
const EXCHANGE_WRITER = '76fe1ac4-15f7-4bcd-987e-8e1acb462fb7';

/** The writers every Windows has; those with files have their component on the system volume. */
export function inBoxWriters(systemMountPoint: string): readonly WriterConfig[] {
  return IN_BOX.map(([id, name, component]) => ({
    id,
    name,
    windowMs: WINDOW_MS,
    components: component === '' ? [] : [{ logicalPath: component, mountPoints: [systemMountPoint] }],
    ownsApplication: false,
  }));
}

/** SqlServerWriter with one database, which is the guest's application. */
export function sqlServerWriter(hostName: string, mountPoints: readonly string[]): WriterConfig {
  return {
    id: SQL_SERVER_WRITER,
    name: 'SqlServerWriter',
    windowMs: WINDOW_MS,
    components: [{ logicalPath: `${hostName}\\app`, mountPoints }],
    ownsApplication: true,
  };
}

/** Exchange's writer, whose window is a third of the others', as the owner of the application. */
export function exchangeWriter(mountPoints: readonly string[]): WriterConfig {
  return {
    id: EXCHANGE_WRITER,
    name: 'Microsoft Exchange Writer',
    windowMs: EXCHANGE_WINDOW_MS,
    components: [{ logicalPath: 'Microsoft Exchange Server\\Microsoft Information Store\\app', mountPoints }],
    ownsApplication: true,
  };
}
