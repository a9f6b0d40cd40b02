/** Makes one training step and prints the time of each stage. ../start.mjs runs it in fresh processes. */
const marks = [performance.now()];
const mark = () => marks.push(performance.now());

const { adam, createModel, fit } = await import('../../dist/index.js');
mark();
const { I, H, O, T } = { I: 8, H: 32, O: 1, T: 50 };
const layers = [
  { kind: 'lstm', hiddenSize: H },
  { kind: 'linear', size: O },
];
const model = await createModel({ inputSize: I, layers }, { backend: 'wasm' });
mark();
const values = (length) => Float32Array.from({ length }, (_, i) => Math.sin(i));
const batch = { steps: T, batchSize: 1, inputs: values(T * I), targets: values(T * O) };
const data = { train: { stateful: false, length: 1, batch: () => batch } };
const first = await fit(model, data, { optimizer: adam() })[Symbol.asyncIterator]().next();
mark();
if (first.value.kind !== 'update') throw new Error('The first event is not an update.');
console.log(JSON.stringify({ began: performance.timeOrigin, marks }));
