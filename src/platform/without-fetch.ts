/**
 * Imported before all packages: none of snaphook's parts calls `fetch`. axios looks at its classes as it is loaded, and Node would load a
 * second HTTP client for that look: half of what a hook needs to start.
 */
for (const name of ['fetch', 'Request', 'Response', 'Headers', 'FormData']) Reflect.deleteProperty(globalThis, name);
