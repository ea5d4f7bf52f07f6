import { vvolWwn } from './estate-identity.ts';
import type { InitialArrayConfig } from './unisphere/array-config.ts';

/** Where vVols are made. */
export const VVOL_PLACE = { container: 'vmware-container', resource: 'resource-1' } as const;
export const ARRAY_ID = '000197900046';
export const PROXY_HOST = 'proxy01';
export const POOL = 'SG-snaphook-pool';
/** A pool that is masked to nobody, and the group that is masked to the proxy for the length of a run. */
export const UNMASKED_POOL = 'SG-snaphook-unmasked';
export const PRESENT_GROUP = 'SG-proxy-presented';

/** What is masked to the ESXi host for the life of a clone; one small device stays in it. */
export const CLONE_GROUP = 'SG-esx-clones';
export const CLONE_GATEKEEPER = '00702';
/** The ESXi host as the array knows it. */
export const ESX_ON_ARRAY = 'esx01';

const CONTAINER_UUID = '600009700BCBB71139FF01780000050A';

interface ArrayMembers {
  readonly vvolSources: readonly string[];
  readonly luns: readonly string[];
  readonly targets: readonly string[];
  readonly unmaskedTargets: readonly string[];
  readonly twin: string;
  readonly twinOther: string;
  readonly names: NonNullable<InitialArrayConfig['devices']>;
  /** Default iSCSI. */
  readonly proxyProtocol?: 'iSCSI' | 'NVMe_TCP' | undefined;
}

/** Groups, hosts and views of the estate's array, as an admin would have made them. */
export function arrayConfig({
  vvolSources,
  luns,
  targets,
  unmaskedTargets,
  twin,
  twinOther,
  names,
  proxyProtocol = 'iSCSI',
}: ArrayMembers): InitialArrayConfig {
  const ports = [{ director: 'SE-1E', port: '000' }];
  const nvmePorts = [{ director: 'OR-1C', port: '004' }];
  const [proxyPorts, proxyPortGroup, proxyInitiator] =
    proxyProtocol === 'iSCSI'
      ? [ports, 'PG-iscsi', 'iqn.1993-08.org.debian:01:5b59c91a426f']
      : [nvmePorts, 'PG-nvme', 'nqn.2014-08.org.nvmexpress:uuid:5b59c91a-426f-4c1d-9d35-2f1f4f9a7c11'];
  const esxInitiator = 'iqn.1998-01.com.vmware:esx01-2b59c91a';
  return {
    storageGroups: [
      { id: 'SG-esx-prod', srp: 'SRP_1', serviceLevel: 'Diamond', volumes: [...luns] },
      { id: POOL, volumes: [...targets] },
      { id: UNMASKED_POOL, volumes: [...unmaskedTargets] },
      // An array does not let the group of a masking view become empty: one small device stays in it.
      { id: PRESENT_GROUP, volumes: ['00701'] },
      { id: CLONE_GROUP, volumes: [CLONE_GATEKEEPER] },
      { id: 'SG-spare', volumes: [] },
    ],
    initiators: [
      { id: proxyInitiator, ports: proxyPorts },
      { id: esxInitiator, ports },
    ],
    hosts: [
      { id: PROXY_HOST, initiators: [proxyInitiator] },
      { id: ESX_ON_ARRAY, initiators: [esxInitiator] },
    ],
    portGroups: [
      { id: 'PG-iscsi', protocol: 'iSCSI', ports },
      ...(proxyProtocol === 'iSCSI' ? [] : [{ id: 'PG-nvme', protocol: proxyProtocol, ports: nvmePorts }]),
    ],
    maskingViews: [
      { id: 'MV-esx-prod', host: ESX_ON_ARRAY, portGroup: 'PG-iscsi', storageGroup: 'SG-esx-prod' },
      { id: 'MV-esx-clones', host: ESX_ON_ARRAY, portGroup: 'PG-iscsi', storageGroup: CLONE_GROUP },
      { id: 'MV-snaphook-pool', host: PROXY_HOST, portGroup: proxyPortGroup, storageGroup: POOL },
      { id: 'MV-proxy-presented', host: PROXY_HOST, portGroup: proxyPortGroup, storageGroup: PRESENT_GROUP },
    ],
    devices: {
      ...Object.fromEntries(targets.map((device, index) => [device, { identifier: `snaphook-target-${index + 1}` }])),
      ...names,
      // Two devices that claim the same identity, as after a botched migration.
      [twin]: { effectiveWwn: vvolWwn(twin) },
      [twinOther]: { effectiveWwn: vvolWwn(twin) },
    },
    storageContainers: [
      {
        id: VVOL_PLACE.container,
        uuid: CONTAINER_UUID,
        resources: [
          {
            id: VVOL_PLACE.resource,
            uuid: '6000097011C1992A3A7401E000000025',
            volumes: vvolSources.map((device) => ({ device, wwn: vvolWwn(device) })),
          },
        ],
      },
    ],
    protocolEndpoints: ['00700'],
    vasaProviders: [{ address: '127.0.0.1' }],
  };
}
