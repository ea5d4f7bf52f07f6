import { readFileSync } from 'node:fs';
import https from 'node:https';
import { loadConfig } from '../../src/config/load.ts';
import { resolveSecret } from '../../src/config/secrets.ts';
import type { Plan } from '../../src/job/plan.ts';
import type { JobPorts } from '../../src/job/ports.ts';

/**
 * What a script does that asks for one thing at a time: of each VM `FindByUuid` and its properties, of each disk its device.
 * It reads in the same vCenter session as the product and keeps its connection to Unisphere.
 */
export async function lookUpOneByOne(ports: JobPorts, plan: Plan, configFile: string): Promise<void> {
  const signal = new AbortController().signal;
  for (const { instanceUuid } of plan.vms) {
    await ports.hypervisor.findVms([{ by: 'instanceUuid', uuid: instanceUuid }], signal);
  }
  const [array] = loadConfig(configFile).arrays;
  if (!array) throw new Error('the configuration has no array');
  const [first] = [array.unisphere].flat();
  const server = typeof first === 'string' ? first : first?.url;
  const agent = new https.Agent({ keepAlive: true, ca: readFileSync(array.tls?.caFile ?? '') });
  const auth = `${array.username}:${await resolveSecret(array.password)}`;
  try {
    for (const { device } of plan.devices) {
      const path = `/univmax/restapi/103/sloprovisioning/symmetrix/${array.id}/volume/${device}`;
      await get(new URL(path, server), agent, auth);
    }
  } finally {
    agent.destroy();
  }
}

function get(url: URL, agent: https.Agent, auth: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = https.get(url, { agent, auth }, (response) => {
      response.resume();
      response.on('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`GET ${url.pathname} was answered with ${response.statusCode}`));
      });
    });
    request.on('error', reject);
  });
}
