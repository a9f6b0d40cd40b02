/** `npm run bench -- NAME [options]` runs a benchmark; without a name, all of those that take a minute or two. */
const BENCHES = {
  gemm: './gemm.mjs',
  steps: './steps.mjs',
  threads: './threads.mjs',
  start: './start.mjs',
  studio: './studio.mjs',
  peers: './peers.mjs',
  gpu: './gpu.mjs',
  quality: './quality.mjs',
};
const LONG = new Set(['peers', 'quality', 'gpu']);

const args = process.argv.slice(2);
const firstOption = args.findIndex((arg) => arg.startsWith('-'));
const names = firstOption < 0 ? args : args.slice(0, firstOption);
const options = args.slice(names.length);
const unknown = names.find((name) => !Object.hasOwn(BENCHES, name));
if (unknown || (options.length > 0 && names.length !== 1)) {
  const known = `Known: ${Object.keys(BENCHES).join(', ')}.`;
  console.error(
    unknown ? `There is no benchmark "${unknown}". ${known}` : `Options go to one benchmark: name it. ${known}`,
  );
  process.exit(2);
}
try {
  for (const name of names.length > 0 ? names : Object.keys(BENCHES).filter((n) => !LONG.has(n))) {
    const { run } = await import(BENCHES[name]);
    await run(options);
  }
} catch (error) {
  console.error(names.length === 1 ? error.message : error);
  process.exit(1);
}
