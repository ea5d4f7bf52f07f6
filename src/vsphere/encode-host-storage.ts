import type { VimRef } from './decode.ts';
import { managedObject, type SoapObject } from './encode.ts';

/** Request bodies of host storage and registration; the order of the keys is the wire order, as in `encode.ts`. */

export const onHost = (manager: VimRef): SoapObject => ({ _this: managedObject(manager) });

export const resignatureVolume = (datastoreSystem: VimRef, extentDevicePath: readonly string[]): SoapObject => ({
  _this: managedObject(datastoreSystem),
  resolutionSpec: { extentDevicePath },
});

export const volumeOfHost = (storageSystem: VimRef, vmfsUuid: string): SoapObject => ({
  _this: managedObject(storageSystem),
  vmfsUuid,
});

export const lunOfHost = (storageSystem: VimRef, lunUuid: string): SoapObject => ({
  _this: managedObject(storageSystem),
  lunUuid,
});

export const lunStateOfHost = (storageSystem: VimRef, lunCanonicalName: string): SoapObject => ({
  _this: managedObject(storageSystem),
  lunCanonicalName,
});

export const registerVm = (
  folder: VimRef,
  {
    path,
    name,
    pool,
    host,
  }: { readonly path: string; readonly name: string; readonly pool: VimRef; readonly host: VimRef },
): SoapObject => ({
  _this: managedObject(folder),
  path,
  name,
  asTemplate: false,
  pool: managedObject(pool),
  host: managedObject(host),
});

export const unregisterVm = (vm: VimRef): SoapObject => ({ _this: managedObject(vm) });

/** With `uuid.action` set ESXi does not ask, at the first power-on, whether the VM was moved or copied. */
export const identifyVm = (
  vm: VimRef,
  { biosUuid, instanceUuid }: { readonly biosUuid: string; readonly instanceUuid: string },
): SoapObject => ({
  _this: managedObject(vm),
  spec: {
    uuid: biosUuid,
    instanceUuid,
    extraConfig: [
      {
        key: 'uuid.action',
        value: {
          attributes: { 'xsi:type': 'xsd:string', 'xmlns:xsd': 'http://www.w3.org/2001/XMLSchema' },
          $value: 'create',
        },
      },
    ],
  },
});
