/** Properties of every rule; Lion and LAMB, which PyTorch does not have, agree with the algorithms of their papers. */
import { describe, expect, test } from '@jest/globals';
import type { Kernels } from '../../src/contract/kernels.js';
import { Arena, ParameterLayout } from '../../src/core/memory/parameters.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { grouped } from '../../src/optim/grouped.js';
import { createOptimizer, OPTIMIZERS, type OptimizerKind } from '../../src/optim/index.js';
import { lamb } from '../../src/optim/lamb.js';
import { lion } from '../../src/optim/lion.js';
import { type Optimizer, OptimizerRun, type OptimizerSpec } from '../../src/optim/optimizer.js';
import { sgd } from '../../src/optim/sgd.js';
import { expectSameBits } from '../support/arrays.js';
import { BACKENDS } from '../support/backends.js';
import { problemOf, thrown } from '../support/errors.js';
import { expectClose, TOLERANCE } from '../support/golden.js';
import { testRandom } from '../support/random.js';

const RULES = Object.keys(OPTIMIZERS) as OptimizerKind[];
const RATE = 0.05;
const make = (kind: OptimizerKind, more: object = {}): Optimizer =>
  createOptimizer({ kind, learningRate: RATE, ...more });

const SHAPES = [
  { name: 'a.weight', shape: [3, 5] },
  { name: 'a.bias', shape: [7] },
  { name: 'b.weight', shape: [2, 9] },
];

function start(k: Kernels, seed = 1) {
  const layout = new ParameterLayout(SHAPES);
  const random = testRandom(seed);
  const [parameters, gradients] = [new Arena(k, layout), new Arena(k, layout)];
  k.upload(parameters.matrix, random.normals(layout.size));
  const nextGradient = () => k.upload(gradients.matrix, random.normals(layout.size));
  return { layout, parameters, gradients, nextGradient };
}

async function train(k: Kernels, optimizer: Optimizer, steps = 12, rate = RATE) {
  const { parameters, gradients, nextGradient } = start(k);
  const run = new OptimizerRun(k, optimizer, parameters);
  for (let step = 1; step <= steps; step++) {
    nextGradient();
    run.apply(gradients.matrix, step, rate);
  }
  return { after: await k.download(parameters.matrix), run, parameters };
}

describe.each(RULES)('%s', (kind) => {
  const k = createReference('float64');

  test('gives the same bits with one arena and with groups of tensors', async () => {
    const parts = grouped({ groups: [{ match: '*.bias', optimizer: make(kind) }], rest: make(kind) });
    expectSameBits((await train(k, parts, 12, 1)).after, (await train(k, make(kind))).after);
  });

  test('one object in two trainings gives the same bits in both', async () => {
    const optimizer = make(kind);
    const first = await train(k, optimizer);
    expectSameBits((await train(k, optimizer)).after, first.after);
  });

  test('continues from its state with the same bits', async () => {
    const whole = await train(k, make(kind));
    const { parameters, gradients, nextGradient } = start(k);
    let run = new OptimizerRun(k, make(kind), parameters);
    for (let step = 1; step <= 12; step++) {
      if (step === 6) {
        const again = new OptimizerRun(k, make(kind), parameters);
        for (const [name, arena] of run.state) k.upload(again.state.get(name)!.matrix, await k.download(arena.matrix));
        run = again;
      }
      nextGradient();
      run.apply(gradients.matrix, step, RATE);
    }
    expectSameBits(await k.download(parameters.matrix), whole.after);
  });

  test('a learning rate of 0 changes nothing, and a gradient of 0 gives no NaN', async () => {
    const before = await k.download(start(k).parameters.matrix);
    expectSameBits((await train(k, make(kind), 3, 0)).after, before);
    const { parameters, gradients } = start(k);
    const run = new OptimizerRun(k, make(kind), parameters);
    for (let step = 1; step <= 3; step++) run.apply(gradients.matrix, step, RATE);
    expect((await k.download(parameters.matrix)).every(Number.isFinite)).toBe(true);
  });

  test('finds the minimum of a quadratic function', async () => {
    const { parameters, gradients } = start(k);
    const norm = async () => Math.hypot(...(await k.download(parameters.matrix)));
    const run = new OptimizerRun(k, make(kind), parameters);
    const first = await norm();
    for (let step = 1; step <= 200; step++) {
      k.copy(gradients.matrix, parameters.matrix);
      run.apply(gradients.matrix, step, kind === 'adadelta' ? 1 : RATE);
    }
    expect(await norm()).toBeLessThan(0.9 * first);
  });

  test('its spec is JSON that recreates it, and unknown settings are rejected', () => {
    const { spec } = make(kind);
    expect(createOptimizer(JSON.parse(JSON.stringify(spec)) as OptimizerSpec).spec).toEqual(spec);
    expect(
      problemOf(
        thrown(() => make(kind, { lr: 1 })),
        'INVALID_SETTING',
      ).path,
    ).toBe(`${kind}.lr`);
  });
});

describe.each(BACKENDS)('agrees with the paper on $name in $precision:', ({ precision, create }) => {
  /** Updates plain lists, tensor by tensor. */
  async function compare(optimizer: Optimizer, step: (w: number[], g: number[], s: number[][], t: number) => void) {
    const k = await create();
    const { layout, parameters, gradients, nextGradient } = start(k);
    const run = new OptimizerRun(k, optimizer, parameters);
    const wanted = new Map<string, { w: number[]; s: number[][] }>();
    for (const [name, values] of await parameters.download()) {
      const zeros = () => new Array<number>(values.length).fill(0);
      wanted.set(name, { w: [...values], s: [zeros(), zeros()] });
    }
    for (let t = 1; t <= 12; t++) {
      nextGradient();
      run.apply(gradients.matrix, t, RATE);
      for (const [name, g] of await gradients.download()) step(wanted.get(name)!.w, [...g], wanted.get(name)!.s, t);
    }
    const now = await parameters.download();
    for (const { name } of layout.entries) expectClose(name, now.get(name)!, wanted.get(name)!.w, TOLERANCE[precision]);
  }

  test('Lion, algorithm 2', async () => {
    await compare(lion({ learningRate: RATE, weightDecay: 0.1 }), (w, g, [m]) => {
      w.forEach((x, i) => {
        const c = 0.9 * m![i]! + 0.1 * g[i]!;
        w[i] = x - RATE * (Math.sign(c) + 0.1 * x);
        m![i] = 0.99 * m![i]! + 0.01 * g[i]!;
      });
    });
  });

  test('LAMB, algorithm 2', async () => {
    await compare(lamb({ learningRate: RATE, weightDecay: 0.02 }), (w, g, [m, v], t) => {
      const r = w.map((x, i) => {
        m![i] = 0.9 * m![i]! + 0.1 * g[i]!;
        v![i] = 0.999 * v![i]! + 0.001 * g[i]! ** 2;
        return m![i]! / (1 - 0.9 ** t) / (Math.sqrt(v![i]! / (1 - 0.999 ** t)) + 1e-6) + 0.02 * x;
      });
      const trust = Math.hypot(...w) / Math.hypot(...r);
      r.forEach((x, i) => {
        w[i] = w[i]! - RATE * trust * x;
      });
    });
  });
});

describe('parameter groups', () => {
  const k = createReference('float64');

  test('update each parameter by the rule of its group; frozen ones stay', async () => {
    const optimizer = grouped({
      groups: [
        { match: 'a.*', optimizer: sgd({ learningRate: 0.5 }) },
        { match: ['b.weight'], optimizer: null },
      ],
      rest: sgd({ learningRate: 100 }),
    });
    const { parameters, gradients, nextGradient } = start(k);
    const before = await parameters.download();
    nextGradient();
    new OptimizerRun(k, optimizer, parameters).apply(gradients.matrix, 1, 0.1);
    const [now, g] = [await parameters.download(), await gradients.download()];
    for (const name of ['a.weight', 'a.bias']) {
      const wanted = [...before.get(name)!].map((w, i) => w - 0.1 * 0.5 * g.get(name)![i]!);
      expectClose(name, now.get(name)!, wanted, 1e-12);
    }
    expectSameBits(now.get('b.weight')!, before.get('b.weight')!);
  });

  test('have a spec that is JSON and recreates them', () => {
    const { spec } = grouped({
      groups: [
        { match: '*.bias', optimizer: make('adam') },
        { match: 'b*', optimizer: null },
      ],
      rest: make('adamW', { weightDecay: 0.3 }),
    });
    expect(createOptimizer(JSON.parse(JSON.stringify(spec)) as OptimizerSpec).spec).toEqual(spec);
  });

  test('the parts of a pattern between its stars follow one another and do not overlap', async () => {
    const layout = new ParameterLayout([
      { name: 'a.b.c', shape: [2] },
      { name: 'a.b.b', shape: [3] },
      { name: 'abba', shape: [1] },
    ]);
    for (const [match, updated] of [
      ['a*b*b*', ['a.b.b', 'abba']],
      ['*b*b', ['a.b.b']],
      ['ab*ba', ['abba']],
      ['a*', ['a.b.c', 'a.b.b', 'abba']],
      ['a.b.c', ['a.b.c']],
    ] as const) {
      const [parameters, gradients] = [new Arena(k, layout), new Arena(k, layout)];
      k.fill(gradients.matrix, 1);
      const one = sgd({ learningRate: 1 });
      const optimizer = grouped({ groups: [{ match, optimizer: one }], rest: sgd({ learningRate: 0 }) });
      new OptimizerRun(k, optimizer, parameters).apply(gradients.matrix, 1, 1);
      const moved = [...(await parameters.download())].filter(([, v]) => v.some((x: number) => x !== 0));
      expect(moved.map(([name]) => name)).toEqual(updated);
    }
  });

  test('the error for a pattern without a match lists the names', () => {
    const { parameters, gradients } = start(k);
    const run = new OptimizerRun(
      k,
      grouped({ groups: [{ match: '*.gain', optimizer: null }], rest: sgd({ learningRate: 1 }) }),
      parameters,
    );
    const error = thrown(() => run.apply(gradients.matrix, 1, 1));
    expect(problemOf(error, 'INVALID_SETTING').path).toBe('groups[0].match');
    expect(error.message).toContain('a.weight, a.bias, b.weight');
  });
});
