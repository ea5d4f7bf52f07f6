import { SnaphookError } from '../ports/errors.ts';
import type { ArrayFacts } from '../ports/storage-array.ts';
import type { Unisphere } from './client.ts';
import { capabilities, symmetrix } from './paths.ts';
import { bodyIfFound, bodyOf } from './reply.ts';
import { asBody, type Body, bodies, flag, text } from './schema.ts';
import type { SnapVxChoice } from './snapvx-choice.ts';
import { generationOf } from './version.ts';

/** Three calls: version, the array, what it is licensed for. One more where the interface for snapshots is to be found out. */
export async function readFacts(unisphere: Unisphere, choice: SnapVxChoice, signal: AbortSignal): Promise<ArrayFacts> {
  const { arrayId } = unisphere;
  const version = await unisphere.askVersion(signal);
  const [array, licence, snapVxApi] = await Promise.all([
    readArray(unisphere, signal),
    unisphere.read(`/restapi${capabilities(version.endpoint)}`, signal),
    choice.of(signal),
  ]);
  const licensed = bodies(
    asBody(bodyOf(licence, 'tell its replication capabilities'), 'replication capabilities'),
    'symmetrixCapability',
  ).find((row) => text(row, 'symmetrixId') === arrayId);
  const microcode = microcodeOf(array);
  return {
    arrayId,
    model: text(array, 'model') ?? '',
    microcode,
    generation: generationOf(microcode),
    unisphereVersion: version.unisphere,
    apiVersion: String(version.endpoint),
    local: flag(array, 'local'),
    snapVxLicensed: licensed !== undefined && flag(licensed, 'snapVxCapable', 'snapvx_capable'),
    snapVxApi,
  };
}

export async function readMicrocode(unisphere: Unisphere, signal: AbortSignal): Promise<string> {
  return microcodeOf(await readArray(unisphere, signal));
}

async function readArray(unisphere: Unisphere, signal: AbortSignal): Promise<Body> {
  const { arrayId } = unisphere;
  const { endpoint } = await unisphere.version(signal);
  const reply = await unisphere.read(`/restapi${symmetrix(endpoint, arrayId)}`, signal);
  const body = bodyIfFound(reply, `show array "${arrayId}"`);
  if (body === undefined) {
    throw new SnaphookError('E_ARRAY_NOT_LOCAL', `Unisphere does not manage array "${arrayId}"`, {
      hint: 'Check the array id in the configuration, or use the Unisphere server the array is local to.',
    });
  }
  return asBody(body, `array "${arrayId}"`);
}

/** 10.x calls it `microcode`, 9.x `ucode`; where both are there `ucode` may be stale. */
const microcodeOf = (array: Body) => text(array, 'microcode', 'ucode') ?? '';
