// In place of a part that nothing of snaphook calls.
module.exports = class LeftOut {
  constructor() {
    throw new Error('this part of a package is not in the program: see scripts/bundle-options.mjs');
  }
};
