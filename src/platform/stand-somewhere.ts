/**
 * Imported before all others: the folder that a caller stands in may be gone, and packages that ask for it while they are loaded would
 * fail.
 */
try {
  process.cwd();
} catch {
  process.chdir('/');
}
