/** Optimizers agree with torch.optim over 12 updates, and clipping with PyTorch; invalid settings are rejected. */
import { describe, expect, test } from '@jest/globals';
import type { Kernels } from '../../src/contract/kernels.js';
import { Arena, ParameterLayout } from '../../src/core/memory/parameters.js';
import { adadelta } from '../../src/optim/adadelta.js';
import { adagrad } from '../../src/optim/adagrad.js';
import { adam, adamW } from '../../src/optim/adam.js';
import { amsgrad } from '../../src/optim/amsgrad.js';
import { createOptimizer } from '../../src/optim/index.js';
import { nadam } from '../../src/optim/nadam.js';
import { type Optimizer, OptimizerRun, type OptimizerSpec } from '../../src/optim/optimizer.js';
import { radam } from '../../src/optim/radam.js';
import { rmsprop } from '../../src/optim/rmsprop.js';
import { sgd } from '../../src/optim/sgd.js';
import { BACKENDS } from '../support/backends.js';
import { thrown } from '../support/errors.js';
import { expectClose, golden, TOLERANCE, tensor } from '../support/golden.js';

const g = golden('optimizers');
const STEPS = g.config.steps as number;

/** Settings with the names of PyTorch: `lr` is `learningRate`. */
const settings = (name: string) => {
  const { lr: learningRate, ...more } = (g.rules as Record<string, { lr: number }>)[name]!;
  return { learningRate, ...more };
};

const RULES: Readonly<Record<string, (name: string) => Optimizer>> = {
  sgd: (n) => sgd(settings(n)),
  'sgd-momentum': (n) => sgd(settings(n)),
  'sgd-dampened': (n) => sgd(settings(n)),
  'sgd-nesterov': (n) => sgd(settings(n)),
  'sgd-weight-decay': (n) => sgd(settings(n)),
  adam: (n) => adam(settings(n)),
  'adam-betas': (n) => adam(settings(n)),
  'adam-weight-decay': (n) => adam(settings(n)),
  adamw: (n) => adamW(settings(n)),
  'adam-amsgrad': (n) => amsgrad({ learningRate: settings(n).learningRate }),
  rmsprop: (n) => rmsprop(settings(n)),
  'rmsprop-centered': (n) => rmsprop(settings(n)),
  adagrad: (n) => adagrad({ learningRate: settings(n).learningRate, learningRateDecay: 0.01 }),
  adadelta: (n) => adadelta(settings(n)),
  nadam: (n) => nadam({ ...settings(n), doubleMu: true }), // PyTorch 1.13 generated the file
  radam: (n) => radam(settings(n)),
};

/** The two parameters of the case, adjacent in one arena as in a model. */
function arenas(k: Kernels) {
  const layout = new ParameterLayout([0, 1].map((i) => ({ name: `${i}`, shape: g.tensors[`start.${i}`]!.shape })));
  const put = (arena: Arena, prefix: string): Arena => {
    for (const i of [0, 1]) arena.set(`${i}`, tensor(g, `${prefix}.${i}`));
    return arena;
  };
  return { parameters: put(new Arena(k, layout), 'start'), gradients: new Arena(k, layout), layout, put };
}

test('every rule of the golden file is implemented', () => {
  expect(Object.keys(RULES).sort()).toEqual(Object.keys(g.rules as object).sort());
});

describe.each(BACKENDS)('optimizers on $name in $precision', ({ precision, create }) => {
  test.each(Object.entries(RULES))('%s after 1, 2 and 12 steps', async (name, make) => {
    const k = await create();
    const { parameters, gradients, put } = arenas(k);
    const optimizer = make(name);
    const run = new OptimizerRun(k, optimizer, parameters);
    const compared: number[] = [];
    for (let n = 0; n < STEPS; n++) {
      put(gradients, `gradient.${n}`);
      run.apply(gradients.matrix, n + 1, optimizer.spec.learningRate);
      if (!g.tensors[`${name}.after${n + 1}.0`]) continue;
      compared.push(n + 1);
      const now = await parameters.download();
      for (const i of [0, 1]) {
        const what = `parameter ${i} after ${n + 1}`;
        expectClose(what, now.get(`${i}`)!, tensor(g, `${name}.after${n + 1}.${i}`), TOLERANCE[precision]);
      }
    }
    expect(compared).toEqual([1, 2, 12]);
  });

  test.each(g.norms as { limit: number; norm: number }[])(
    'clipping the norm to $limit agrees with PyTorch',
    async ({ limit, norm }) => {
      const k = await create();
      const { gradients, put } = arenas(k);
      put(gradients, 'gradient.0');
      const length = k.alloc(1, 1);
      k.clipNorm(length, gradients.matrix, limit);
      expectClose('norm', await k.download(length), [norm], TOLERANCE[precision]);
      const now = await gradients.download();
      const name = Number.isInteger(limit) ? limit.toFixed(1) : String(limit); // as Python writes it
      for (const i of [0, 1]) {
        expectClose(`gradient ${i}`, now.get(`${i}`)!, tensor(g, `clip-norm.${name}.${i}`), TOLERANCE[precision]);
      }
    },
  );

  test('clipping by value clips each element', async () => {
    const k = await create();
    const a = k.alloc(2, 4);
    k.upload(a, [-3, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1e20]);
    k.clipValue(a, 0.5);
    expect([...(await k.download(a))]).toEqual([-0.5, -0.5, -0.25, 0, 0.25, 0.5, 0.5, 0.5]);
  });
});

describe('the state of an optimizer', () => {
  const names = ({ state }: Optimizer) => state;

  test('has only the arenas that the rule needs', () => {
    expect(names(sgd({ learningRate: 0.1 }))).toEqual([]);
    expect(names(sgd({ learningRate: 0.1, momentum: 0.5 }))).toEqual(['velocity']);
    expect(names(adam())).toEqual(['m', 'v']);
    expect(names(adamW())).toEqual(['m', 'v']);
  });

  test('the spec is JSON that recreates the optimizer', () => {
    for (const optimizer of [
      sgd({ learningRate: 0.2, momentum: 0.7, nesterov: true, weightDecay: 0.1 }),
      adam({ learningRate: 0.3, beta1: 0.5, beta2: 0.6, eps: 0.1, weightDecay: 0.2 }),
      adamW({ learningRate: 0.3 }),
    ]) {
      const again = createOptimizer(JSON.parse(JSON.stringify(optimizer.spec)) as OptimizerSpec);
      expect(again.spec).toEqual(optimizer.spec);
    }
  });

  test('the defaults are those of the papers', () => {
    const defaults = { learningRate: 0.001, beta1: 0.9, beta2: 0.999, eps: 1e-8 };
    expect(adam().spec).toEqual({ kind: 'adam', ...defaults, weightDecay: 0 });
    expect(adamW().spec).toEqual({ kind: 'adamW', ...defaults, weightDecay: 0.01 });
  });
});

describe('invalid settings are rejected', () => {
  const bad: readonly (readonly [path: string, make: () => unknown])[] = [
    ['sgd.learningRate', () => sgd({} as { learningRate: number })],
    ['sgd.learningRate', () => sgd({ learningRate: -0.1 })],
    ['sgd.learningRate', () => sgd({ learningRate: Number.NaN })],
    ['sgd.learningRate', () => sgd({ learningRate: Number.POSITIVE_INFINITY })],
    ['sgd.learningRate', () => sgd({ learningRate: '0.1' as unknown as number })],
    ['sgd.momentum', () => sgd({ learningRate: 0.1, momentum: 1.5 })],
    ['sgd.momentum', () => sgd({ learningRate: 0.1, momentum: -0.5 })],
    ['sgd.dampening', () => sgd({ learningRate: 0.1, momentum: 0.5, dampening: 2 })],
    ['sgd.weightDecay', () => sgd({ learningRate: 0.1, weightDecay: -1 })],
    ['sgd.nesterov', () => sgd({ learningRate: 0.1, nesterov: true })],
    ['sgd.nesterov', () => sgd({ learningRate: 0.1, momentum: 0.9, dampening: 0.1, nesterov: true })],
    ['adam.learningRate', () => adam({ learningRate: -1 })],
    ['adam.beta1', () => adam({ beta1: 1 })],
    ['adam.beta1', () => adam({ beta1: -0.1 })],
    ['adam.beta2', () => adam({ beta2: 1 })],
    ['adam.eps', () => adam({ eps: -1e-8 })],
    ['adam.weightDecay', () => adam({ weightDecay: Number.NaN })],
    ['adamW.learningRate', () => adamW({ learningRate: Number.NaN })],
    ['adamW.weightDecay', () => adamW({ weightDecay: -0.1 })],
    ['optimizer', () => createOptimizer({ kind: 'adagrade', learningRate: 0.1 })],
    ['optimizer', () => createOptimizer({ kind: 'toString', learningRate: 0.1 })],
    ['adam.learningRate', () => createOptimizer({ kind: 'adam', learningRate: -0.1 })],
  ];

  test.each(bad)('%s (%#)', (path, make) => {
    const { problem, message } = thrown(make);
    expect(problem).toMatchObject({ code: 'INVALID_SETTING', path });
    expect(message.startsWith(path)).toBe(true);
  });
});
