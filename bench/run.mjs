/** Runs the benchmarks: `npm run bench -- NAME [options]`. */
const BENCHMARKS = {
  gemm: 'matrix products of the backends',
  steps: 'whole training and inference steps of the backends',
  variants: 'LSTM variants next to the plain LSTM',
  lengths: 'sequences of unequal lengths, next to PyTorch with packed sequences',
  threads: 'the wasm backend with more threads',
  blas: 'the products of a native library next to the wasm backend',
  memory: 'whether memory stays flat over many predictions, trainings, streams and updates',
  checkpointing: 'time and memory of BPTT on long sequences, whole and in segments',
  streaming: 'time and memory of a training on a text that is larger than memory',
  start: 'from process start to the first training step',
  studio: 'the Studio in Chromium: first paint, size, frames per second',
  small: 'code size, installed size, first prediction and step of small programs, with other libraries',
  server: 'examples/server with 1,000 clients: throughput, latency, memory',
  voice: 'the page of examples/voice in Chromium, next to onnxruntime-web: bytes sent, allocations, speed',
  peers: 'Unspool and other libraries, with the same weights and data',
  export: 'float32, float16 and int8 weights in unspool/infer: size, speed, memory, loss',
  accuracy: 'largest errors of the activations, by backend, in units in the last place',
  gpu: 'the gpu backend in Chromium, next to wasm and TensorFlow.js',
  distributed: 'ranks of MPI next to threads and PyTorch DDP, and the scaling model',
  quality: 'loss over training time, for Unspool and PyTorch',
};
/** Not run without a name: they take longer than two minutes. */
const LONG = new Set([
  'blas',
  'checkpointing',
  'streaming',
  'export',
  'server',
  'small',
  'voice',
  'peers',
  'quality',
  'gpu',
  'distributed',
]);

const HELP = `Usage: npm run bench -- NAME [options]
       npm run bench            runs all but ${[...LONG].join(', ')}

Benchmarks:
${Object.entries(BENCHMARKS)
  .map(([name, summary]) => `  ${name.padEnd(11)} ${summary}`)
  .join('\n')}

The options of a benchmark are in the comment at the top of bench/NAME.mjs; see also bench/README.md.`;

const args = process.argv.slice(2);
if (args[0] === '--help' || args[0] === '-h') {
  console.log(HELP);
  process.exit(0);
}
const firstOption = args.findIndex((arg) => arg.startsWith('-'));
const names = firstOption < 0 ? args : args.slice(0, firstOption);
const options = args.slice(names.length);
const unknown = names.find((name) => !Object.hasOwn(BENCHMARKS, name));
if (unknown || (options.length > 0 && names.length !== 1)) {
  const help = `Use ${Object.keys(BENCHMARKS).join(', ')}.`;
  console.error(
    unknown ? `unknown benchmark "${unknown}". ${help}` : `options need exactly one benchmark before them. ${help}`,
  );
  process.exit(2);
}
try {
  for (const name of names.length > 0 ? names : Object.keys(BENCHMARKS).filter((n) => !LONG.has(n))) {
    const { run } = await import(`./${name}.mjs`);
    await run(options);
  }
} catch (error) {
  console.error(names.length === 1 ? error.message : error);
  process.exit(1);
}
