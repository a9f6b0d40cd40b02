/**
 * What a training leaves in JavaScript's heap: nothing. Each case is a process of its own that tells what is left after a
 * garbage collection, early and a thousand updates later. V8's own compilers are switched off in it (all but WebAssembly's),
 * since their code and their notes stand in the same heap and grow for thousands of updates.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ROOT } from '../cli/support.js';

/**
 * The heap jumps up and down by up to 200 KB (tables of V8's and Node's own), so it is looked at three times, and the
 * lowest that it is late may be this much over the highest that it was early.
 */
const SLACK = 64_000;
const LOOKS = [400, 450, 500];

interface Measured {
  readonly heapUsed: number;
  readonly arrayBuffers: number;
  readonly inUse: number;
}

/** How updates are made. Runs in the process, as text: it sees `engine` (the package) and `settings`. */
const WAYS = {
  fit: `
    const options = { optimizer: engine.adam(), clipNorm: 1, epochs: 1e6, maxSteps: settings.last, validateEvery: 50 };
    for await (const event of engine.fit(model, data, options)) if (event.kind === 'step') await updated(event.step);`,
  'by hand': `
    const optimizer = new engine.OptimizerRun(model.kernels, engine.adam(), model.parameters);
    const [tape, gradients] = [model.tape({ steps: settings.steps, rows: settings.batch }), model.arena()];
    for (let step = 1; step <= settings.last; step++) {
      const batch = data.train.batch(step % data.train.length);
      await model.gradients(batch, { tape, gradients, from: tape });
      optimizer.apply(gradients.matrix, step, 0.001);
      if (!Number.isFinite(tape.steps[2].gates.f.get(0, 1))) throw new Error('not finite');
      await updated(step);
    }`,
  'tapes freed': `
    for (let step = 1; step <= settings.last; step++) {
      const { tape, gradients } = await model.gradients(data.train.batch(step % data.train.length));
      if (!Number.isFinite(tape.steps[2].grad.gates.f.get(0, 1))) throw new Error('not finite');
      const prediction = await model.predict([1, 2, 3]);
      if (!Number.isFinite(prediction.output.get(0, 0, 0))) throw new Error('not finite');
      for (const done of [tape, gradients, prediction.tape]) done.free();
      await updated(step);
    }`,
} as const;

const PROGRAM = (way: string, settings: object): string => `
  const settings = ${JSON.stringify(settings)};
  const engine = await import(${JSON.stringify(join(ROOT, 'dist/index.js'))});
  const data = engine.textStreams('it was the best of times, it was the worst of times. '.repeat(100), settings);
  const { size } = data.vocabulary;
  const lstm = { kind: 'lstm', hiddenSize: settings.hidden };
  const layers = [{ kind: 'embedding', size, width: 8 }, lstm, { kind: 'linear', size }];
  const model = await engine.createModel({ layers }, settings);
  const updated = async (step) => {
    if (!settings.looks.includes(step)) return;
    for (let i = 0; i < 3; i++) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 20)); // what finalizers do comes between tasks
    }
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    console.log(JSON.stringify({ heapUsed, arrayBuffers, inUse: model.kernels.memory.inUse() }));
  };
  ${way}
  if ((model.kernels.threads ?? 1) !== settings.threads) throw new Error(model.kernels.threads + ' threads ran');
  process.exit(0);`;

function measure(way: string, settings: object): Promise<Measured[]> {
  const newer = Number(process.versions.node.split('.')[0]) >= 22;
  const flags = ['--expose-gc', '--no-opt', '--no-sparkplug', ...(newer ? ['--no-maglev'] : [])];
  const child = spawn(process.execPath, [...flags, '--input-type=module', '-e', PROGRAM(way, settings)]);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk));
  return new Promise((done, fail) => {
    child.on('error', fail).on('close', (code) => {
      if (code !== 0) fail(new Error(`it ended with ${code}: ${stderr}`));
      else
        done(
          stdout
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line) as Measured),
        );
    });
  });
}

/** `updates`: between the early looks and the late ones. */
const SMALL = { batch: 2, steps: 6, heldOut: 0.1, hidden: 6, threads: 1, updates: 2000 };
const SHARED = { batch: 8, steps: 16, heldOut: 0.1, hidden: 128, threads: 2, updates: 400 };
const CASES = [
  ...(['fit', 'by hand', 'tapes freed'] as const).flatMap((way) => [
    { way, backend: 'reference', settings: SMALL },
    { way, backend: 'wasm', settings: SMALL },
  ]),
  { way: 'fit' as const, backend: 'wasm', settings: SHARED },
];

test.each(CASES)('$way on $backend, threads: $settings.threads', async ({ way, backend, settings }) => {
  const late = LOOKS.map((step) => step + settings.updates);
  const measured = await measure(WAYS[way], { ...settings, backend, looks: [...LOOKS, ...late], last: late.at(-1)! });
  expect(measured).toHaveLength(2 * LOOKS.length);
  expect(new Set(measured.map(({ arrayBuffers }) => arrayBuffers)).size).toBe(1);
  expect(new Set(measured.map(({ inUse }) => inUse)).size).toBe(1);
  const heap = measured.map(({ heapUsed }) => heapUsed);
  const [highest, lowest] = [Math.max(...heap.slice(0, LOOKS.length)), Math.min(...heap.slice(LOOKS.length))];
  expect(lowest - highest).toBeLessThan(SLACK);
});
