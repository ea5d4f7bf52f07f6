// What tests see of the calls that Node's file functions pass to the system: for several labs in one process, or in a hook of its own.
const fs = require('node:fs/promises');

/** `replacements` stand in for functions of node:fs/promises, `real`, while at least one lab is watched. */
exports.createWatches = (real, replacements) => {
  const watches = new Set();
  return {
    find: (isIt) => [...watches].find(isIt),
    isEmpty: () => watches.size === 0,
    /** Until `end`: how often what was called, and whether the fault was met. */
    add(watch) {
      if (watches.size === 0) Object.assign(fs, replacements);
      watches.add(watch);
      return {
        counts: watch.counts,
        get fired() {
          return watch.fired;
        },
        end: () => {
          watches.delete(watch);
          if (watches.size === 0) Object.assign(fs, real);
        },
      };
    },
  };
};
