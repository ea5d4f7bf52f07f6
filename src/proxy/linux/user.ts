/** Is this process root on a Unix? The kernel mounts file systems for root alone. */
export const isRoot = (): boolean => process.getuid?.() === 0;
