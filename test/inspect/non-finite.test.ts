/** `findNonFinite`, one tensor after the other: each element is set to NaN in a trace that was finite. */
import { expect, test } from '@jest/globals';
import { randomBatch } from '../../src/core/gradcheck.js';
import type { ModelSpec } from '../../src/core/spec.js';
import {
  findNonFinite,
  type Grid,
  type LstmTrace,
  type TensorElement,
  type Trace,
  trace,
} from '../../src/inspect/index.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { buildModel } from '../support/model.js';

const T = 4;
const SPEC: ModelSpec = {
  seed: 3,
  inputSize: 2,
  layers: [
    { kind: 'lstm', hiddenSize: 3, name: 'first', projectionSize: 2 },
    { kind: 'lstm', hiddenSize: 2, name: 'second', direction: 'reverse' },
    { kind: 'linear', size: 2 },
  ],
};

type Stack = Trace & { readonly layers: readonly [first: LstmTrace, second: LstmTrace] };

async function found(): Promise<Stack> {
  const batch = randomBatch(SPEC, { steps: T, batchSize: 1 }, 2);
  return (await trace(buildModel(createReference('float64'), SPEC), batch)) as Stack;
}

const value = ({ data, cols }: Grid, row: number, col: number): number => data[row * cols + col]!;
const element = (tensor: string, step: number | null, unit: number, grid: Grid, row = step!): TensorElement => ({
  ...{ tensor, step, unit },
  value: value(grid, row, unit),
});

interface Case {
  /** The elements that are not finite; the first of them is the one that is computed first. */
  readonly spoilt: (trace: Stack) => readonly (readonly [grid: Grid, row: number, col: number])[];
  readonly first: Omit<TensorElement, 'value'>;
  readonly causes?: (trace: Stack) => readonly TensorElement[];
}

const of = (pick: (trace: Stack) => Grid, ...places: (readonly [row: number, col: number])[]): Case['spoilt'] => {
  return (trace) => places.map(([row, col]) => [pick(trace), row, col] as const);
};

const CASES: Readonly<Record<string, Case>> = {
  'a parameter': {
    spoilt: of(({ parameters }) => parameters['first.weight_hh_l0']!, [7, 1]),
    first: { tensor: 'the parameter first.weight_hh_l0, row 7', step: null, unit: 1 },
  },
  'the input': {
    spoilt: of(({ input }) => (input as { x: Grid }).x, [2, 1], [3, 0]),
    first: { tensor: 'the input', step: 2, unit: 1 },
  },
  'a gate': {
    spoilt: of(({ layers }) => layers[0].gates.g, [1, 2]),
    first: { tensor: 'first g', step: 1, unit: 2 },
    causes: ({ layers }) => [element('first a_g', 1, 2, layers[0].a.g)],
  },
  'the cell state': {
    spoilt: of(({ layers }) => layers[0].cell.c, [2, 1]),
    first: { tensor: 'first c', step: 2, unit: 1 },
    causes: ({ layers: [{ c, gates }] }) => [
      element('first c-', 1, 1, c),
      ...(['f', 'i', 'g'] as const).map((gate) => element(`first ${gate}`, 2, 1, gates[gate])),
    ],
  },
  'the cell state of a reverse layer, which begins at the last step': {
    spoilt: of(({ layers }) => layers[1].cell.c, [3, 1], [1, 0]),
    first: { tensor: 'second_reverse c', step: 3, unit: 1 },
    causes: ({ layers }) => [
      element('second_reverse c-', null, 1, layers[1].initial.c, 0),
      ...(['f', 'i', 'g'] as const).map((gate) => element(`second_reverse ${gate}`, 3, 1, layers[1].gates[gate])),
    ],
  },
  'the output of a layer': {
    spoilt: of(({ layers }) => layers[0].h, [0, 1], [2, 0]),
    first: { tensor: 'first h', step: 0, unit: 1 },
    causes: ({ layers: [{ gates, tanhC }] }) => [
      element('first o', 0, 1, gates.o),
      element('first tanh c', 0, 1, tanhC),
    ],
  },
  'the output of the model': {
    spoilt: of(({ output }) => output, [1, 1], [2, 0]),
    first: { tensor: 'the output', step: 1, unit: 1 },
  },
  'the gradient by h, of the upper layer first': {
    spoilt: ({ layers }) => [
      [layers[1].grad.h, 0, 1],
      [layers[1].grad.h, 2, 0],
      [layers[0].grad.h, 3, 1],
    ],
    first: { tensor: 'dL/dh of second_reverse', step: 0, unit: 1 },
    causes: ({ layers }) => [
      element('dL/dh of second_reverse, from above', 0, 1, layers[1].grad.hFromAbove),
      element('dL/dh of second_reverse, from the next step', 0, 1, layers[1].grad.hFromNext),
    ],
  },
  'the gradient by c, from the last step': {
    spoilt: of(({ layers }) => layers[0].grad.c, [2, 1], [0, 2]),
    first: { tensor: 'dL/dc of first', step: 2, unit: 1 },
    causes: ({ layers: [{ grad }] }) => [
      element('dL/dc of first, from the next step', 2, 1, grad.cFromNext),
      element('dL/dc of first, through h', 2, 1, grad.cFromH),
    ],
  },
  'the gradient by a pre-activation': {
    spoilt: of(({ layers }) => layers[0].grad.a.o, [1, 2]),
    first: { tensor: 'dL/da_o of first', step: 1, unit: 2 },
    causes: ({ layers: [{ gates, grad }] }) => [
      element('first o', 1, 2, gates.o),
      element('dL/dc of first', 1, 2, grad.c),
    ],
  },
  'the gradient by a parameter': {
    spoilt: of(({ gradients }) => gradients['first.weight_ih_l0']!, [5, 1]),
    first: { tensor: 'the gradient of first.weight_ih_l0, row 5', step: null, unit: 1 },
  },
};

test.each(Object.entries(CASES))('%s', async (_, { spoilt, first, causes = () => [] }) => {
  const one = await found();
  const expected = causes(one);
  for (const bad of [Number.NaN, Number.NEGATIVE_INFINITY]) {
    for (const [{ data, cols }, row, col] of spoilt(one)) data[row * cols + col] = bad;
    expect(findNonFinite(one)).toEqual({ first: { ...first, value: bad }, causes: expected });
  }
});

test('a pre-activation: the three largest products', async () => {
  const one = await found();
  const layer = one.layers[0];
  layer.a.f.data[2 * 3 + 1] = Number.NaN;
  const row = 3 + 1; // the forget gate's block of three rows
  const products = (['x', 'h'] as const).flatMap((from) =>
    [0, 1].map((index) => {
      const factor = from === 'x' ? value(layer.x, 2, index) : value(layer.h, 1, index);
      const weight = value(one.parameters[`first.weight_${from === 'x' ? 'ih' : 'hh'}_l0`]!, row, index);
      const name = `first ${from === 'x' ? 'x' : 'h-'}[${index}]`;
      const tensor = `${name} = ${factor.toPrecision(3)} times its weight ${weight.toPrecision(3)}`;
      return { tensor, step: 2, unit: index, value: factor * weight };
    }),
  );
  const causes = products.sort((a, b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, 3);
  expect(findNonFinite(one)).toEqual({ first: { tensor: 'first a_f', step: 2, unit: 1, value: Number.NaN }, causes });
  const x = { ...layer.x, data: Float64Array.from(layer.x.data) };
  x.data[2 * 2 + 1] = Number.NaN; // its product counts as the largest
  const [largest] = findNonFinite({ ...one, layers: [{ ...layer, x }] }).causes;
  expect(largest).toMatchObject({ tensor: expect.stringContaining('first x[1] = NaN times'), value: Number.NaN });
});

test('the loss, where everything else is finite', async () => {
  const one = { ...(await found()), loss: Number.POSITIVE_INFINITY };
  const first = { tensor: 'the loss', step: null, unit: 0, value: Number.POSITIVE_INFINITY };
  expect(findNonFinite(one)).toEqual({ first, causes: [] });
  expect(findNonFinite(await found())).toEqual({ first: null, causes: [] });
});
