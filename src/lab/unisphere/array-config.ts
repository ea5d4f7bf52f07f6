import * as z from 'zod';

const port = z.object({ director: z.string(), port: z.string() });

const storageGroup = z.object({
  id: z.string(),
  uuid: z.string().default(''),
  /** The storage resource pool; absent: `none`. */
  srp: z.string().optional(),
  serviceLevel: z.string().optional(),
  workload: z.string().optional(),
  compression: z.boolean().default(false),
  /** Direct members; a parent group has none, only children. */
  volumes: z.array(z.string()).default([]),
  children: z.array(z.string()).default([]),
});

const initiator = z.object({
  /** WWPN in 16 lower-case hex digits, or an IQN. */
  id: z.string(),
  /** Array ports it has logged in to. */
  ports: z.array(port).default([]),
  loggedIn: z.boolean().default(true),
  onFabric: z.boolean().default(true),
});

const host = z.object({ id: z.string(), initiators: z.array(z.string()), consistentLun: z.boolean().default(false) });
const hostGroup = z.object({ id: z.string(), hosts: z.array(z.string()), consistentLun: z.boolean().default(false) });

const portGroup = z.object({
  id: z.string(),
  protocol: z.enum(['SCSI_FC', 'iSCSI', 'NVMe_FC', 'NVMe_TCP']),
  ports: z.array(port),
});

const maskingView = z.object({
  id: z.string(),
  host: z.string().optional(),
  hostGroup: z.string().optional(),
  portGroup: z.string(),
  storageGroup: z.string(),
  startingLun: z.number().optional(),
  /** The address each host reaches each device at. The array hands them out; leave empty. */
  luns: z.array(z.object({ host: z.string(), device: z.string(), lun: z.number() })).default([]),
});

/** What the array knows of a device beside its data. */
const deviceNaming = z.object({
  identifier: z.string().optional(),
  /** Set: hosts see this instead of the WWN (SRDF/Metro, migrated devices). */
  effectiveWwn: z.string().toUpperCase().optional(),
  /** Set: the device has a mobility id, a WWN that is not tied to the array serial. */
  mobilityWwn: z.string().toUpperCase().optional(),
});

const storageResource = z.object({
  id: z.string(),
  uuid: z.string(),
  srp: z.string().default('SRP_1'),
  serviceLevel: z.string().default('Optimized'),
  limitGb: z.number().default(1024),
  volumes: z.array(z.object({ device: z.string(), wwn: z.string().toUpperCase() })).default([]),
});

const storageContainer = z.object({
  id: z.string(),
  uuid: z.string(),
  description: z.string().default(''),
  resources: z.array(storageResource).default([]),
});

const vasaProvider = z.object({
  address: z.string(),
  status: z.enum(['ONLINE', 'OFFLINE', 'UNKNOWN']).default('ONLINE'),
  availability: z.string().default('Active'),
});

export const arrayConfigSchema = z.object({
  storageGroups: z.array(storageGroup).default([]),
  initiators: z.array(initiator).default([]),
  hosts: z.array(host).default([]),
  hostGroups: z.array(hostGroup).default([]),
  portGroups: z.array(portGroup).default([]),
  maskingViews: z.array(maskingView).default([]),
  devices: z.record(z.string(), deviceNaming).default({}),
  storageContainers: z.array(storageContainer).default([]),
  /** Device ids of protocol endpoints. */
  protocolEndpoints: z.array(z.string()).default([]),
  vasaProviders: z.array(vasaProvider).default([]),
  /** Counts names the array makes up. */
  serial: z.number().default(0),
});

/** Everything an admin configured on one array. Names are case-preserving and compared without case. */
export type ArrayConfig = z.infer<typeof arrayConfigSchema>;
/** The same with every default left out. */
export type InitialArrayConfig = z.input<typeof arrayConfigSchema>;
export type StorageGroup = ArrayConfig['storageGroups'][number];
export type MaskingView = ArrayConfig['maskingViews'][number];
export type PortGroup = ArrayConfig['portGroups'][number];
export type Host = ArrayConfig['hosts'][number];
export type HostGroup = ArrayConfig['hostGroups'][number];
export type Initiator = ArrayConfig['initiators'][number];
export type StorageContainer = ArrayConfig['storageContainers'][number];
export type StorageResource = StorageContainer['resources'][number];

export const sameName = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

export const findNamed = <T extends { readonly id: string }>(items: readonly T[], id: string): T | undefined =>
  items.find((item) => sameName(item.id, id));
