/** Invalid specs are type errors in TypeScript, and errors with a path at run time. */
import { expect, test } from '@jest/globals';
import type { CellSpec } from '../../src/core/lstm/spec.js';
import { parameterLayout } from '../../src/core/parameter-layout.js';
import type { LayerSpec, ModelSpec } from '../../src/core/spec.js';
import { requireSpec } from '../../src/core/spec-check.js';
import { problemOf, thrown } from '../support/errors.js';

const lstm = (more: object) => ({ inputSize: 3, layers: [{ kind: 'lstm', hiddenSize: 4, ...more }] });
const layers = (...list: object[]) => ({ inputSize: 3, layers: list });
const plain = { kind: 'lstm', hiddenSize: 4 };

test('combinations that no paper defines are type errors', () => {
  const both = { layerNorm: true, gateRecurrence: true } as const;
  // @ts-expect-error gate recurrence is not defined for the layer-normalized cell
  const cell: CellSpec = both;
  // @ts-expect-error only one gate set
  const gates: CellSpec = { gates: ['noInput', 'noForget'] };
  // @ts-expect-error unknown activation
  const activation: CellSpec = { activations: { gate: 'step' } };
  // @ts-expect-error repeat requires steps
  const repeat: LayerSpec = { kind: 'repeat' };
  // @ts-expect-error dropout requires a rate
  const dropout: LayerSpec = { kind: 'dropout' };
  expect([cell, gates, activation, repeat, dropout]).toHaveLength(5);
});

test.each<[string, object, string]>([
  ['layers[0].cell.gateRecurrence', lstm({ cell: { layerNorm: true, gateRecurrence: true } }), 'layerNorm'],
  ['layers[0].cell.gates', lstm({ cell: { gates: 'none' } }), "'all', 'noInput'"],
  ['layers[0].cell.clip', lstm({ cell: { clip: 0 } }), '0'],
  ['layers[0].cell.peephole', lstm({ cell: { peephole: true } }), 'unknown setting'],
  ['layers[0].cell.peepholes', lstm({ cell: { peepholes: 1 } }), 'boolean'],
  ['layers[0].cell.activations.gate', lstm({ cell: { activations: { gate: 'step' } } }), 'hardSigmoid'],
  [
    'layers[0].cell.activations.gate.alpha',
    lstm({ cell: { activations: { gate: { kind: 'tanh', alpha: 1 } } } }),
    'has no effect on tanh',
  ],
  [
    'layers[0].cell.activations.output.alpha',
    lstm({ cell: { activations: { output: { kind: 'elu', alpha: -1 } } } }),
    '-1',
  ],
  [
    'layers[0].cell.activations.output.alpha',
    lstm({ cell: { activations: { output: { kind: 'scaledTanh', alpha: 0 } } } }),
    '0',
  ],
  ...['thresholdedRelu', 'hardSigmoid'].map((kind): [string, object, string] => [
    'layers[0].cell.activations.gate.alpha',
    lstm({ cell: { activations: { gate: { kind, alpha: -1 } } } }),
    '-1',
  ]),
  ['layers[0].direction', lstm({ direction: 'both' }), 'bidirectional'],
  ['layers[0].projectionSize', lstm({ projectionSize: 0 }), '0'],
  ['layers[0].initialState', lstm({ initialState: 'random' }), 'learned'],
  ['layers[0].dropConnect', lstm({ dropConnect: 1 }), '1'],
  ['layers[0].recurrentDropout.kind', lstm({ recurrentDropout: { kind: 'h', rate: 0.1 } }), 'variational'],
  ['layers[0].recurrentDropout.rate', lstm({ recurrentDropout: { kind: 'candidate' } }), 'NaN'],
  ['layers[0].zoneout.h', lstm({ zoneout: { h: -0.1 } }), '-0.1'],
  ['layers[0].zoneout.x', lstm({ zoneout: { x: 0.1 } }), 'Use h, c.'],
  ['layers[0].init.peepholes', lstm({ init: { peepholes: 'zeros' } }), 'Use input, recurrent'],
  ['layers[1].rate', layers(plain, { kind: 'dropout', rate: 1 }), '1'],
  ['layers[1].shared', layers(plain, { kind: 'dropout', rate: 0.5, shared: 'rows' }), 'steps'],
  ['layers[1].alpha', layers(plain, { kind: 'activity', alpha: -1 }), '-1'],
  ['layers[1]', layers(plain, { kind: 'repeat', steps: 3 }), "returns: 'last'"],
  ['layers[0].returns', layers({ ...plain, returns: 'last' }, plain), 'repeat'],
  ['layers', layers({ kind: 'dropout', rate: 0.5 }), 'no layer has parameters'],
  ['layers[1].tied', layers(plain, { kind: 'linear', size: 3, tied: 'embedding' }), 'no embedding'],
])('%s is invalid in %j', (path, spec, text) => {
  const error = thrown(() => requireSpec(spec));
  expect(problemOf(error, 'INVALID_SETTING').path).toBe(path);
  expect(error.message).toContain(text);
});

test('a tied layer must have the shape of the embedding', () => {
  const tied = (width: number, size: number): ModelSpec => ({
    layers: [
      { kind: 'embedding', size: 7, width },
      { kind: 'lstm', hiddenSize: 4 },
      { kind: 'linear', size, tied: 'embedding' },
    ],
  });
  requireSpec(tied(4, 7));
  expect(thrown(() => requireSpec(tied(5, 7))).message).toContain('[7, 4], but embedding has shape [7, 5]');
  expect(thrown(() => requireSpec(tied(4, 8))).message).toContain('[8, 4], but embedding has shape [7, 4]');
});

test('parameters have these names and shapes, in the order of the arena', () => {
  const { entries } = parameterLayout({
    inputSize: 3,
    layers: [
      {
        kind: 'lstm',
        hiddenSize: 4,
        direction: 'bidirectional',
        projectionSize: 2,
        bias: 'single',
        initialState: 'learned',
        cell: { peepholes: true, gateRecurrence: true },
      },
      { kind: 'lstm', hiddenSize: 5, bias: false, cell: { layerNorm: true } },
    ],
  });
  const one = (suffix: string) => [
    `lstm.weight_ih_l0${suffix} 16,3`,
    `lstm.weight_hh_l0${suffix} 16,2`,
    `lstm.bias_ih_l0${suffix} 16`,
    `lstm.weight_hr_l0${suffix} 2,4`,
    ...['i', 'f', 'o'].map((gate) => `lstm.peephole_${gate}_l0${suffix} 4`),
    `lstm.weight_gate_recurrence_l0${suffix} 12,12`,
    `lstm.h0_l0${suffix} 2`,
    `lstm.c0_l0${suffix} 4`,
  ];
  expect(entries.map(({ name, shape }) => `${name} ${shape}`)).toEqual([
    ...one(''),
    ...one('_reverse'),
    'lstm.weight_ih_l1 20,4',
    'lstm.weight_hh_l1 20,5',
    ...['ih 20', 'hh 20', 'c 5'].flatMap((of) => {
      const [name, size] = of.split(' ');
      return [`lstm.norm_gain_${name}_l1 ${size}`, `lstm.norm_bias_${name}_l1 ${size}`];
    }),
  ]);
});
