/** `npm run bench` runs every benchmark, `npm run bench -- NAME` one of them. */
const BENCHES = { gemm: './gemm.mjs', steps: './steps.mjs', threads: './threads.mjs' };

const asked = process.argv.slice(2);
const unknown = asked.find((name) => !Object.hasOwn(BENCHES, name));
if (unknown) {
  console.error(`There is no benchmark "${unknown}". Known: ${Object.keys(BENCHES).join(', ')}.`);
  process.exit(2);
}
for (const name of asked.length ? asked : Object.keys(BENCHES)) {
  const { run } = await import(BENCHES[name]);
  await run();
}
