import { createdAnswer, noContentAnswer, okAnswer, type RestAnswer } from './answers.ts';
import type { LabArray } from './lab-array.ts';
import { flagOf, namesOf, requiredText } from './lenient-fields.ts';
import { malformed, restoreInProgress } from './messages.ts';
import { controlledArrayOf, type Handler, param, perform, type RestCall } from './rest-call.ts';
import { checkSnapVx, establish, lifetimeMs, linkedPairs, noteModel, pairDevices, selectOf } from './snapvx-session.ts';
import { guardStore } from './store-refusals.ts';

/** What these calls answer with is not published and no client reads it: there is no body. */
const DONE: RestAnswer = okAnswer(undefined);

function sourcesOf(call: RestCall): readonly string[] {
  const sources = namesOf(call.body, 'deviceNameListSource');
  if (sources.length === 0) throw malformed('The required attribute deviceNameListSource is missing');
  return sources;
}

/** `POST /private/{ver}/replication/symmetrix/{id}/snapshot/{name}`: all sources, one instant, one snap id. */
export const createSnapshot: Handler = (call) => {
  const array = controlledArrayOf(call);
  const name = param(call, 'snapshot');
  const devices = sourcesOf(call);
  const ttlMs = lifetimeMs(call.body, 'timeToLive', 'timeInHours') ?? lifetimeMs(call.body, 'ttl', 'timeInHours');
  const secureMs = lifetimeMs(call.body, 'securettl', 'timeInHours');
  return perform(call, {
    array,
    name: `Create snapshot ${name}`,
    devices,
    masking: false,
    beforeMs: array.knobs.establishMs,
    afterMs: array.knobs.afterEstablishMs,
    run: () => {
      const { snapId } = establish(array, { name, devices, ttlMs, secureMs });
      return {
        answer: createdAnswer(undefined),
        tasks: [`Create snapshot [${name}] of [${devices.join(', ')}]`],
        links: [{ key: 'SNAPSHOT_CREATED', uri: [`snapshot/${name}/snapid/${snapId}`] }],
      };
    },
  });
};

/** `PUT` on the same path: one action on all pairs. */
export const modifySnapshot: Handler = (call) => {
  const array = controlledArrayOf(call);
  const name = param(call, 'snapshot');
  const action = requiredText(call.body, 'action');
  const sources = sourcesOf(call);
  const targets = namesOf(call.body, 'deviceNameListTarget');
  const devices = [...new Set([...sources, ...targets])];
  const run = actionOf(call, array, name, action.toLowerCase(), sources, targets);
  return perform(call, {
    array,
    name: `${action} snapshot ${name}`,
    devices,
    masking: false,
    run: () => {
      checkSnapVx(array, devices);
      noteModel(array, devices);
      guardStore(array, run);
      return { answer: DONE, tasks: [`${action} snapshot [${name}] of [${sources.join(', ')}]`] };
    },
  });
};

function actionOf(
  call: RestCall,
  array: LabArray,
  name: string,
  action: string,
  sources: readonly string[],
  targets: readonly string[],
): () => void {
  const { body } = call;
  const { store } = array;
  const select = selectOf(array, body);
  const copy = flagOf(body, 'copy');
  const symforce = flagOf(body, 'symforce');
  const exact = flagOf(body, 'exact');
  switch (action) {
    case 'link':
      return () => store.link({ name, select, pairs: pairDevices(array, sources, targets, exact), copy });
    case 'relink':
      return () => store.relink({ name, select, pairs: relinkPairs(array, sources, targets, exact), copy });
    case 'unlink':
      return () => store.unlink({ name, select, pairs: linkedPairs(array, sources, targets), symforce });
    case 'setmode':
      return () => store.setCopyMode({ name, select, pairs: linkedPairs(array, sources, targets), copy });
    case 'rename': {
      const newName = requiredText(body, 'newsnapshotname');
      return () => store.rename({ name, select, devices: sources, newName });
    }
    case 'restore':
      return () => store.restore({ name, select, devices: sources });
    default:
      throw malformed(`The action ${action} is not valid`);
  }
}

/** Linked targets keep their source; with `exact`, and for targets that are not linked, the lists decide. */
const relinkPairs: typeof pairDevices = (array, sources, targets, exact) =>
  exact ? pairDevices(array, sources, targets, true) : linkedPairs(array, sources, targets);

const isRestored = (array: LabArray, name: string, devices: readonly string[]): boolean =>
  devices.some((device) =>
    array.store.snapshots(device).some((one) => one.name === name && one.state.includes('Restored')),
  );

/** `DELETE` on the same path, with a JSON body. */
export const terminateSnapshot: Handler = (call) => {
  const array = controlledArrayOf(call);
  const name = param(call, 'snapshot');
  const devices = sourcesOf(call);
  const select = selectOf(array, call.body);
  const restoreSessionOnly = flagOf(call.body, 'restore');
  return perform(call, {
    array,
    name: `Terminate snapshot ${name}`,
    devices,
    masking: false,
    run: () => {
      checkSnapVx(array, devices);
      noteModel(array, devices);
      if (array.knobs.restoresHeld && isRestored(array, name, devices)) throw restoreInProgress();
      guardStore(array, () => array.store.terminate({ name, select, devices, restoreSessionOnly }));
      return { answer: noContentAnswer, tasks: [`Terminate snapshot [${name}] of [${devices.join(', ')}]`] };
    },
  });
};
