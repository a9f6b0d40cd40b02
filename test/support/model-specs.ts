/** Random specs that use every layer kind and every variant of the LSTM, for property tests of whole models. */
import fc from 'fast-check';
import { ACTIVATIONS, GATE_SETS } from '../../src/contract/options.js';
import type { LayerSpec, ModelSpec } from '../../src/core/spec.js';

const size = fc.integer({ min: 1, max: 6 });
const activation = fc.constantFrom(...ACTIVATIONS);

const cell = fc
  .record({
    gates: fc.constantFrom(...GATE_SETS),
    peepholes: fc.boolean(),
    clip: fc.option(fc.double({ min: 0.2, max: 2, noNaN: true }), { nil: undefined }),
    extra: fc.constantFrom('none', 'layerNorm', 'gateRecurrence'),
    activations: fc.record({ gate: activation, candidate: activation, output: activation }, { requiredKeys: [] }),
  })
  .map(({ extra, clip, ...others }) => ({
    ...others,
    ...(clip !== undefined && { clip }),
    ...(extra !== 'none' && { [extra]: true }),
  }));

const lstm = fc
  .record(
    {
      hiddenSize: size,
      bias: fc.constantFrom(true, false, 'single'),
      direction: fc.constantFrom('forward', 'reverse', 'bidirectional'),
      projectionSize: size,
      initialState: fc.constantFrom('zero', 'learned'),
      cell,
      dropConnect: fc.constant(0.2),
      recurrentDropout: fc.constant(0.2),
      zoneout: fc.record({ h: fc.constant(0.1), c: fc.constant(0.3) }),
    },
    { requiredKeys: ['hiddenSize'] },
  )
  .map((spec) => ({ kind: 'lstm', ...spec }) as LayerSpec);

const between: fc.Arbitrary<LayerSpec> = fc.oneof(
  size.map((units): LayerSpec => ({ kind: 'linear', size: units })),
  fc.constant<LayerSpec>({ kind: 'dropout', rate: 0.2 }),
  fc.constant<LayerSpec>({ kind: 'activity', alpha: 0.1 }),
);

/** The standard LSTM half of the time, because each variant alone is likelier to hide another's fault. */
const anyLstm = fc.oneof(
  size.map((hiddenSize): LayerSpec => ({ kind: 'lstm', hiddenSize })),
  lstm,
);

const ending: fc.Arbitrary<readonly LayerSpec[]> = fc.oneof(
  fc.constant([]),
  size.map((units): LayerSpec[] => [{ kind: 'linear', size: units, bias: false }]),
  fc.constant<LayerSpec[]>([
    { kind: 'lstm', hiddenSize: 3, returns: 'last' },
    { kind: 'repeat', steps: 4 },
    { kind: 'lstm', hiddenSize: 2 },
  ]),
);

/** Specs of models with one to five layers, that read tokens or numbers. */
export const modelSpecs: fc.Arbitrary<ModelSpec> = fc
  .record({ tokens: fc.boolean(), width: size, first: anyLstm, between, second: anyLstm, ending, tied: fc.boolean() })
  .map(({ tokens, width, first, between: middle, second, ending: end, tied }) => {
    const bottom: LayerSpec[] = tokens ? [{ kind: 'embedding', size: 5, width }] : [];
    const top: readonly LayerSpec[] =
      tokens && tied
        ? [
            { kind: 'linear', size: width },
            { kind: 'linear', size: 5, tied: 'embedding' },
          ]
        : end;
    return { ...(tokens ? {} : { inputSize: width }), layers: [...bottom, first, middle, second, ...top] };
  });
