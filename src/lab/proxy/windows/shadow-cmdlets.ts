import { type Cmdlet, CmdletError, text } from './cmdlet.ts';
import { openThroughLink } from './directory-links.ts';
import { deviceObject } from './volume-shadows.ts';

const CIM = 'Microsoft.Management.Infrastructure.CimCmdlets.GetCimInstanceCommand';

/** What Windows tells of shadow copies, and what is seen through a link to one. */
export const SHADOW_CMDLETS: Readonly<Record<string, Cmdlet>> = {
  'Get-CimInstance': {
    sets: [['classname']],
    run(machine, given) {
      if (text(given, 'classname') !== 'Win32_ShadowCopy')
        throw new CmdletError(`HRESULT 0x80041010,${CIM}`, 'Invalid class ');
      // Its provider talks to VSS, which answers administrators only.
      if (!machine.isElevated) throw new CmdletError(`HRESULT 0x80041014,${CIM}`, 'Initialization failure ');
      return machine.shadows.query().map(({ id, setId, volumePath, number, machine: OriginatingMachine }) => ({
        ID: `{${id.toUpperCase()}}`,
        SetID: `{${setId.toUpperCase()}}`,
        DeviceObject: deviceObject(number),
        VolumeName: volumePath,
        Persistent: true,
        NoAutoRelease: true,
        OriginatingMachine,
      }));
    },
  },
  'Get-ChildItem': {
    sets: [['literalpath']],
    run: (machine, given) => void openThroughLink(machine, text(given, 'literalpath')),
  },
};
