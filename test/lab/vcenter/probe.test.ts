import { closeLabs, startLab } from './lab-vcenter.ts';
import { plainVm } from './sample-inventory.ts';

afterAll(closeLabs);
test('probe', async () => {
  for (const n of [1000, 10000]) {
    const t0 = performance.now();
    const base = plainVm('x', 1).disks[0]!;
    const lab = await startLab(
      {},
      Array.from({ length: n }, (_, i) =>
        plainVm(`p${i}`, 5000 + i, { disks: [0, 1, 2].map((k) => ({ ...base, key: 2000 + k, unitNumber: k })) }),
      ),
    );
    const t1 = performance.now();
    const soap = await lab.admin();
    const view = await soap.call(
      'CreateContainerView',
      '<_this type="ViewManager">ViewManager</_this><container type="Folder">group-d1</container><type>VirtualMachine</type><recursive>true</recursive>',
    );
    for (const paths of [
      'name config.uuid config.instanceUuid runtime.powerState config.files.vmPathName datastore',
      'name config.uuid config.instanceUuid runtime.powerState config.files.vmPathName datastore config.hardware.device config.vmStorageObjectId runtime.host snapshot',
    ]) {
      const t2 = performance.now();
      let a = await soap.http(
        'POST',
        '/sdk',
        `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><e:Body><RetrievePropertiesEx xmlns="urn:vim25"><_this type="PropertyCollector">propertyCollector</_this><specSet><propSet><type>VirtualMachine</type>${paths
          .split(' ')
          .map((p) => `<pathSet>${p}</pathSet>`)
          .join(
            '',
          )}</propSet><objectSet><obj type="ContainerView">${view.returnval?.text}</obj><skip>true</skip><selectSet xsi:type="TraversalSpec"><type>ContainerView</type><path>view</path></selectSet></objectSet></specSet><options><maxObjects>500</maxObjects></options></RetrievePropertiesEx></e:Body></e:Envelope>`,
        { Cookie: soap.cookie!, SOAPAction: '"urn:vim25/8.0.3.0"' },
      );
      let bytes = a.text.length,
        pages = 1;
      for (;;) {
        const m = /<token>(.*?)<\/token>/.exec(a.text);
        if (!m) break;
        a = await soap.http(
          'POST',
          '/sdk',
          `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><ContinueRetrievePropertiesEx xmlns="urn:vim25"><_this type="PropertyCollector">propertyCollector</_this><token>${m[1]}</token></ContinueRetrievePropertiesEx></e:Body></e:Envelope>`,
          { Cookie: soap.cookie!, SOAPAction: '"urn:vim25/8.0.3.0"' },
        );
        bytes += a.text.length;
        pages++;
      }
      process.stderr.write(
        `${n}: start ${Math.round(t1 - t0)} ms, ${pages} pages ${bytes} bytes ${Math.round(performance.now() - t2)} ms\n`,
      );
    }
  }
}, 120000);
