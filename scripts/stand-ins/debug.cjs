// In place of the package debug: soap tells of its work if the environment of whoever calls a hook asks for it.
module.exports = () => () => undefined;
