/**
 * `step` of unspool/infer allocates nothing, as an audio thread needs it: counted on V8's heap, in a process whose young generation
 * is too large to be collected during the count.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ROOT } from '../cli/support.js';

/** Counted together. A single number on the heap has 16 bytes, so one per step is 32,000 bytes. */
const STEPS = 2000;
/** What reading the heap's size twice takes, and V8's own work. */
const SLACK = 3000;

/** Rounds: V8 compiles what runs often, and until then keeps numbers on the heap. The last rounds are reported. */
const PROGRAM = `
  const { getHeapStatistics } = await import('node:v8');
  const { createModel, serializeModel } = await import(${JSON.stringify(join(ROOT, 'dist/index.js'))});
  const lstm = { kind: 'lstm', hiddenSize: 8 };
  const staged = { ...lstm, cell: { peepholes: true, layerNorm: true }, zoneout: 0.1, projectionSize: 4 };
  const linear = { kind: 'linear', size: 3 };
  const specs = {
    numbers: { inputSize: 8, layers: [lstm, lstm, linear] },
    tokens: { layers: [{ kind: 'embedding', size: 5, width: 4 }, lstm, linear] },
    variants: { inputSize: 8, layers: [staged, lstm, linear] },
  };
  const found = {};
  for (const entry of ['index', 'simd']) {
    const { loadModel } = await import(${JSON.stringify(join(ROOT, 'dist/infer/'))} + entry + '.js');
    for (const [name, spec] of Object.entries(specs)) {
      const model = loadModel(await serializeModel(await createModel(spec, { backend: 'reference' })));
      for (const from of ['initialState', 'JSON', 'predict']) {
        const x = new Float32Array(model.inputSize || 1);
        const state = from === 'predict' ? model.predict(x).state : model.initialState();
        if (from === 'JSON') state.splice(0, 9, ...JSON.parse(JSON.stringify(state)));
        const run = () => { for (let i = 0; i < ${STEPS}; i++) { x[0] = i % 5; model.step(state, x); } };
        const rounds = [];
        for (let round = 0; round < 12; round++) {
          if (round < 8) await new Promise((done) => setTimeout(done, 2)); // for what is compiled beside the program
          const before = getHeapStatistics().used_heap_size;
          run();
          rounds.push(getHeapStatistics().used_heap_size - before);
        }
        found[[entry, name, from].join(' ')] = Math.min(...rounds.slice(8).filter((bytes) => bytes >= 0)); /* a collection gives a negative one */
      }
    }
  }
  console.log(JSON.stringify(found));`;

test('a step of unspool/infer allocates nothing', () => {
  const flags = ['--min-semi-space-size=64', '--max-semi-space-size=64', '--input-type=module', '-e', PROGRAM];
  const found = JSON.parse(execFileSync(process.execPath, flags, { encoding: 'utf8' })) as Record<string, number>;
  expect(Object.keys(found)).toHaveLength(18);
  expect(Object.entries(found).filter(([, bytes]) => !(typeof bytes === 'number' && bytes < SLACK))).toEqual([]);
});
