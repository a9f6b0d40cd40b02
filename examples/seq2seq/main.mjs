/**
 * Copying strings with and without attention:  node examples/seq2seq/main.mjs [UPDATES [KIND...]]
 * The gradients against differences:           node examples/seq2seq/main.mjs --check
 */
import { adam, OptimizerRun, selectKernels } from 'unspool';
import { Seq2Seq } from './model.mjs';
import { makeBatch, rngOf } from './task.mjs';

const KINDS = ['none', 'dot', 'general', 'additive'];

/** Every weight starts uniform in +-1/sqrt(H), as the LSTMs' own do. */
function start(model, seed) {
  const rng = rngOf(seed, 'readout');
  const bound = 1 / Math.sqrt(model.H);
  for (const { name, size } of model.readout.layout.entries) {
    model.readout.set(
      name,
      Array.from({ length: size }, () => (2 * rng.uniform() - 1) * bound),
    );
  }
}

/** Share of the strings that are said back without a mistake, the decoder hearing itself. */
function exactMatches(model, batch) {
  const { rows: N, T, answers } = batch;
  const { steps } = model.forward({ ...batch, answers: null });
  let right = 0;
  for (let n = 0; n < N; n++) {
    const says = (t) => {
      const row = steps[t].logits.subarray(n * model.V, (n + 1) * model.V);
      return row.indexOf(Math.max(...row));
    };
    let same = true;
    for (let t = 0; t < T && answers[t * N + n] >= 0; t++) same &&= says(t) === answers[t * N + n];
    if (same) right++;
  }
  return right / N;
}

export async function train(
  attention,
  { updates, rate = 0.01, hiddenSize = 32, symbols = 8, least = 8, most = 12, rows = 32 },
) {
  const kernels = await selectKernels();
  const model = await Seq2Seq.create(kernels, { attention, symbols, hiddenSize });
  start(model, 1);
  const runs = model.parts.map(({ parameters }) => new OptimizerRun(kernels, adam(), parameters));
  const norm = kernels.alloc(1, 1);
  const rng = rngOf(1, 'strings');
  let loss = 0;
  for (let step = 1; step <= updates; step++) {
    const now = model.gradients(makeBatch(rng, { rows, symbols, least, most }));
    loss = step === 1 ? now : 0.95 * loss + 0.05 * now;
    runs.forEach((run, i) => {
      const { matrix } = model.parts[i].gradients;
      kernels.clipNorm(norm, matrix, 1);
      run.apply(matrix, step, rate * (1 - (step - 1) / updates));
    });
  }
  const validation = makeBatch(rngOf(2, 'held-out strings'), { rows: 200, symbols, least, most });
  const exact = exactMatches(model, validation);
  return { model, loss, exact, validation };
}

/** Where the decoder looked while it said one string: a row a symbol said, a column a symbol read. */
function showMap(model, batch, n = 0) {
  const { steps } = model.forward(batch);
  const shades = ' .:-=+*#%@';
  const letter = (symbol) => (symbol > 0 ? String.fromCharCode(96 + symbol) : '.');
  const read = Array.from({ length: batch.lengths[n] }, (_, j) => letter(batch.questions[j * batch.rows + n]));
  console.log(`\n  ${read.join(' ')}   (read)`);
  for (let t = 0; t <= batch.lengths[n]; t++) {
    const weights = steps[t].looks[n].w.map((w) => shades[Math.min(9, Math.floor(10 * w))]);
    console.log(`${letter(batch.answers[t * batch.rows + n])} ${weights.join(' ')}`);
  }
}

/** The largest difference between a gradient by the equations and one by differences, over the larger of the two. */
export async function check(attention) {
  const kernels = await selectKernels({ backend: 'reference', precision: 'float64' });
  const model = await Seq2Seq.create(kernels, { attention, symbols: 3, hiddenSize: 4 });
  start(model, 3);
  const batch = makeBatch(rngOf(4, 'check'), { rows: 3, symbols: 3, least: 2, most: 5 });
  model.gradients(batch);
  const lossAt = () => model.loss(model.forward(batch), batch.answers).loss;
  const e = 1e-4;
  let worst = 0;
  for (const { parameters, gradients } of model.parts) {
    const [w, g] = [model.host(parameters.matrix), model.host(gradients.matrix).slice()];
    const largest = Math.max(...g.map(Math.abs));
    for (let i = 0; i < w.length; i++) {
      const value = w[i];
      const at = (step) => {
        w[i] = value + step;
        return lossAt();
      };
      const numeric = (8 * (at(e) - at(-e)) - (at(2 * e) - at(-2 * e))) / (12 * e);
      w[i] = value;
      const size = Math.max(Math.abs(numeric), Math.abs(g[i]), 1e-3 * largest);
      worst = Math.max(worst, Math.abs(numeric - g[i]) / size);
    }
  }
  return worst;
}

async function main() {
  if (process.argv.includes('--check')) {
    for (const kind of KINDS)
      console.log(`${kind.padEnd(9)} largest relative error ${(await check(kind)).toExponential(1)}`);
    return;
  }
  const [updates = 400, ...chosen] = process.argv.slice(2);
  console.log(`${updates} updates of 32 strings of 8 to 12 symbols, then 200 new ones:\n`);
  let last = null;
  for (const kind of chosen.length > 0 ? chosen : KINDS) {
    const began = performance.now();
    last = await train(kind, { updates: Number(updates) });
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const share = `${(100 * last.exact).toFixed(1)} %`;
    console.log(
      `${kind.padEnd(9)} loss ${last.loss.toFixed(3)}  copied without a mistake ${share.padStart(7)}  (${seconds} s)`,
    );
  }
  showMap(last.model, last.validation);
}

if (process.argv[1]?.endsWith('main.mjs')) await main();
