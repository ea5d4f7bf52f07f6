// node bake.cjs JOB: puts main, program and assets into one base executable. Run by the Linux base, as pkg needs Node 22 or newer.
// pkg's own command line passes no `seaConfig`; its function does. It is not part of pkg's public interface: hence the exact pin.
const { default: bake } = require('@yao-pkg/pkg/lib-es5/sea');
const { default: options } = require('@yao-pkg/pkg/lib-es5/options');

const { main, target, seaConfig } = JSON.parse(process.argv[2]);
options.set({});
bake(main, { targets: [target], signature: false, seaConfig }).catch((error) => {
  console.error(error);
  process.exit(1);
});
