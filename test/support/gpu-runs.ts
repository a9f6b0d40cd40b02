/** Checks that run in every mode of the GPU backend, in Node and in a page. They need neither's APIs. */
import type { FloatArray, Kernels, Matrix } from '../../src/contract/kernels.js';
import { downloadSteps } from '../../src/gpu/steps.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { adam } from '../../src/optim/adam.js';
import { fit } from '../../src/train/trainer.js';
import { Bench } from '../kernels/bench.js';
import { CASES, type Instruction } from '../kernels/cases/index.js';
import { type GoldenCase, relativeError, tensor } from './golden.js';
import { goldenModel, goldenName } from './golden-lstm.js';
import { buildModel } from './model.js';

/** Norm-wise errors of every tensor of a golden case, by name. */
export async function goldenErrors(g: GoldenCase, k: Kernels): Promise<Record<string, number>> {
  const { model, sizes } = goldenModel(g, k);
  const tape = model.tape({ steps: sizes.steps, batchSize: sizes.batch }, { lengths: Boolean(sizes.lengths) });
  if (sizes.lengths) tape.setLengths(sizes.lengths);
  const part = (name: string, layer: number): readonly number[] => {
    const all = tensor(g, name);
    const per = all.length / tape.lstms.length;
    return all.slice(layer * per, (layer + 1) * per);
  };
  tape.begin(tape.lstms.map((_, l) => ({ h: part('h0', l), c: part('c0', l) })));
  tape.forward(model.parameters, tensor(g, 'x'));
  const top = tape.layers.at(-1)!;
  const gradients = model.arena();
  k.upload(top.dy!, tensor(g, 'dy'));
  const handle = (values: readonly number[]): Matrix => {
    const m = k.alloc(sizes.batch, values.length / sizes.batch);
    k.upload(m, values);
    return m;
  };
  const after = tape.lstms.map((_, l) => ({ h: handle(part('dhn', l)), c: handle(part('dcn', l)) }));
  tape.backward(model.parameters, gradients, after);
  const errors: Record<string, number> = {};
  const compare = async (name: string, parts: readonly Matrix[]): Promise<void> => {
    const found: number[] = [];
    for (const m of parts) found.push(...(await k.download(m)));
    errors[name] = relativeError(found, tensor(g, name));
  };
  await compare('y', [top.y]);
  if (tape.input.kind === 'values' && tape.input.dx) await compare('grad.x', [tape.input.dx]);
  for (const s of ['h', 'c'] as const) {
    if (g.tensors[`${s}n`])
      await compare(
        `${s}n`,
        tape.lstms.map((l) => l.finalState()[s]),
      );
    await compare(
      `grad.${s}0`,
      tape.lstms.map((l) => l.initialStateGrad()![s]),
    );
  }
  for (const { name } of model.parameters.layout.entries) {
    await compare(`grad.${goldenName(g, name)}`, [gradients.handle(name)]);
  }
  for (const { h, c } of after) for (const m of [h, c]) k.free(m);
  tape.free();
  gradients.free();
  model.parameters.free();
  return errors;
}

/** Widths of input, layers and output: of no multiple of a tile, and of multiples of four. */
const ODD = [5, 9, 7, 3] as const;
const VEC4 = [4, 8, 12, 4] as const;

/** The weights after `updates` updates of two layers with dropout between them and carried state. */
export async function trained(
  k: Kernels,
  updates: number,
  [I, first, second, O]: readonly number[] = ODD,
): Promise<Map<string, FloatArray>> {
  const spec = {
    inputSize: I!,
    layers: [
      { kind: 'lstm' as const, hiddenSize: first! },
      { kind: 'dropout' as const, rate: 0.2 },
      { kind: 'lstm' as const, hiddenSize: second!, bias: 'single' as const },
      { kind: 'linear' as const, size: O! },
    ],
  };
  const [T, N] = [4, 4]; // few steps: each has its own kernels in a plan, which take 30 ms each. With three, a rounding error of gpu:cpu grows
  const batch = (n: number) => ({
    steps: T,
    batchSize: N,
    inputs: Float32Array.from({ length: T * N * I! }, (_, i) => Math.sin(i + n)),
    targets: Float32Array.from({ length: T * N * O! }, (_, i) => Math.cos(0.7 * i + n)),
  });
  const model = buildModel(k, spec, true);
  const train = { stateful: true, length: updates, batch };
  const training = fit(model, { train }, { optimizer: adam({ learningRate: 0.01 }), clipNorm: 1 });
  for await (const _ of training);
  const weights = await model.parameters.download();
  training.dispose();
  model.dispose();
  return weights;
}

/** The largest norm-wise error of any weight after some updates, against the reference in float64. */
export async function trainingError(k: Kernels, updates = 20): Promise<number> {
  const errors: number[] = [];
  for (const widths of [ODD, VEC4]) {
    const [found, expected] = [
      await trained(k, updates, widths),
      await trained(createReference('float64'), updates, widths),
    ];
    errors.push(...[...expected].map(([name, values]) => relativeError(found.get(name)!, values)));
  }
  return Math.max(...errors);
}

/**
 * Norm-wise errors, by name, of the gradients of a model whose matrices are large enough for vec4 kernels, and of a
 * time step of its tape.
 */
export async function wideErrors(k: Kernels, N = 24): Promise<Record<string, number>> {
  const [T, I, O] = [6, 8, 12];
  const layers = [
    { kind: 'lstm' as const, hiddenSize: 128 },
    { kind: 'linear' as const, size: O },
  ];
  const batch = {
    steps: T,
    batchSize: N,
    inputs: Float32Array.from({ length: T * N * I }, (_, i) => Math.sin(i)),
    targets: Float32Array.from({ length: T * N * O }, (_, i) => Math.cos(0.7 * i)),
  };
  const found: Map<string, FloatArray>[] = [];
  for (const on of [k, createReference('float64')]) {
    const model = buildModel(on, { inputSize: I, layers }, true);
    const { tape, gradients } = await model.gradients(batch);
    const [step] = await downloadSteps(on, tape.lstm(0), 2, 3);
    const { gates, c, h, grad } = step!;
    found.push(new Map([...(await gradients.download()), ...Object.entries({ gates, c, h })]));
    for (const [name, values] of Object.entries(grad!)) found.at(-1)!.set(`d ${name}`, values);
    for (const held of [tape, gradients]) held.free();
    model.dispose();
  }
  const [actual, expected] = found as [Map<string, FloatArray>, Map<string, FloatArray>];
  return Object.fromEntries([...expected].map(([name, values]) => [name, relativeError(actual.get(name)!, values)]));
}

/**
 * Runs every `stride`-th conformance case of every instruction, at least one of each: how many ran, and which failed.
 */
export async function conformance(k: Kernels, stride: number): Promise<{ ran: number; failed: string[] }> {
  const failed: string[] = [];
  let ran = 0;
  for (const instruction of Object.keys(CASES) as Instruction[]) {
    for (const [index, { name, run }] of CASES[instruction].entries()) {
      if (index % stride !== 0) continue;
      const bench = new Bench(k, 1e-5, 17 + index);
      ran++;
      try {
        await run(bench);
        await bench.verify();
      } catch (error) {
        failed.push(`${instruction}: ${name}: ${error instanceof Error ? error.message : String(error)}`);
      } finally {
        bench.free();
      }
    }
  }
  return { ran, failed };
}

const SHAPES = [
  [50, 8, 128],
  [36, 52, 44],
  [3, 512, 20],
  [132, 66, 140],
  [131, 68, 128],
] as const;

/** Norm-wise errors of products for every transposition, against the reference in float64. `few`: of two shapes only. */
export async function productErrors(k: Kernels, few = false): Promise<number[]> {
  const oracle = createReference('float64');
  const errors: number[] = [];
  const numbers = (n: number, seed: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(seed + 1.7 * i));
  for (const [R, K, C] of few ? [SHAPES[1], SHAPES[3]] : SHAPES) {
    for (const way of [0, 1, 2, 3, 4, 5, 6, 7]) {
      const options = { transA: Boolean(way & 1), transB: Boolean(way & 2), accumulate: Boolean(way & 4) };
      const outs: FloatArray[] = [];
      for (const on of [k, oracle]) {
        const [out, a] = [on.alloc(R, C), options.transA ? on.alloc(K, R) : on.alloc(R, K)];
        const b = options.transB ? on.alloc(C, K) : on.alloc(K, C);
        [out, a, b].forEach((m, seed) => {
          on.upload(m, numbers(m.rows * m.cols, seed));
        });
        on.gemm(out, a, b, options);
        on.gemm(out, a, b, { ...options, accumulate: true });
        outs.push(await on.download(out));
        for (const m of [out, a, b]) on.free(m);
      }
      errors.push(relativeError(outs[0]!, outs[1]!));
    }
  }
  return errors;
}
