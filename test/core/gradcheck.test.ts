/** The gradient check passes on right gradients of every kind of model, and catches every error that is planted. */
import { describe, expect, test } from '@jest/globals';
import type { Kernels } from '../../src/contract/kernels.js';
import { type GradcheckOptions, gradcheck, randomBatch } from '../../src/core/gradcheck.js';
import type { Batch, Model } from '../../src/core/model.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { problemOf, rejected } from '../support/errors.js';
import { live, RIGHT_FORMULAS, withFormulas, withInstructions } from '../support/kernels.js';
import { buildModel } from '../support/model.js';

// All widths differ, so that an instruction of one product can be told from the others by its shapes.
const [V, E, H1, H2, O] = [8, 9, 4, 5, 7];
const [T, N] = [3, 2];

const CLASSES: ModelSpec = {
  layers: [
    { kind: 'embedding', size: V, width: E },
    { kind: 'lstm', hiddenSize: H1 },
    { kind: 'lstm', hiddenSize: H2 },
    { kind: 'linear', size: O },
  ],
};
const REGRESSION: ModelSpec = {
  inputSize: E,
  layers: [
    { kind: 'lstm', hiddenSize: H1, returns: 'last' },
    { kind: 'linear', size: 2 },
  ],
};
const BITS: ModelSpec = {
  inputSize: E,
  layers: [
    { kind: 'lstm', hiddenSize: H1 },
    { kind: 'linear', size: 2 },
  ],
};
const NO_BIAS: ModelSpec = {
  inputSize: E,
  layers: [
    { kind: 'lstm', hiddenSize: H1, bias: false },
    { kind: 'lstm', hiddenSize: H2, bias: false },
    { kind: 'linear', size: 2, bias: false },
  ],
};
/** A class that stands among the targets. */
const IGNORED = randomBatch(CLASSES, { steps: T, batchSize: N }, O, 3).targets[0]!;

/** Nothing over the LSTM: its h is the output. */
const BARE: ModelSpec = { inputSize: 2, layers: [{ kind: 'lstm', hiddenSize: 3 }] };
const DEEP_HEAD: ModelSpec = {
  inputSize: E,
  layers: [
    { kind: 'lstm', hiddenSize: H1 },
    { kind: 'linear', size: 5 },
    { kind: 'linear', size: 2 },
  ],
};

const batchOf = (spec: ModelSpec, model: Model): Batch =>
  randomBatch(spec, { steps: T, batchSize: N }, model.outputSize, 3);

/** Targets in [0, 1], as binary cross-entropy wants them. */
const bits = (batch: Batch): Batch => ({ ...batch, targets: Array.from(batch.targets, (v) => 1 / (1 + v * v)) });

async function check(k: Kernels, spec: ModelSpec, options: GradcheckOptions = {}) {
  const model = buildModel(k, spec);
  const batch = batchOf(spec, model);
  return gradcheck(model, options.loss === 'binaryCrossEntropy' ? bits(batch) : batch, options);
}

describe('right gradients pass', () => {
  const cases: readonly (readonly [string, ModelSpec, GradcheckOptions])[] = [
    ['embedding, two LSTM layers, linear, cross-entropy', CLASSES, {}],
    ['cross-entropy, summed', CLASSES, { loss: { kind: 'crossEntropy', reduction: 'sum' } }],
    [
      'cross-entropy, weighted, smoothed, one class ignored',
      CLASSES,
      {
        loss: {
          kind: 'crossEntropy',
          classWeights: [1, 0.5, 2, 1.5, 0.25, 3, 0.75],
          labelSmoothing: 0.2,
          ignoreIndex: IGNORED,
        },
      },
    ],
    ['values, the last step, squared error', REGRESSION, {}],
    ['no biases', NO_BIAS, {}],
    ['values, binary cross-entropy', BITS, { loss: 'binaryCrossEntropy' }],
    ['no layer over the LSTM', BARE, {}],
    ['two linear layers', DEEP_HEAD, {}],
  ];
  test.each(cases)('%s', async (_, spec, options) => {
    const report = await check(createReference('float64'), spec, options);
    expect(report.worst).toEqual(expect.objectContaining({ relativeError: expect.any(Number) }));
    expect(report.worst.relativeError).toBeLessThan(report.tolerance);
    expect(report.passed).toBe(true);
    const model = buildModel(createReference('float64'), spec);
    const checked = report.tensors.map((t) => t.tensor);
    for (const { name, size } of model.parameters.layout.entries) {
      expect(report.tensors.find((t) => t.tensor === name)?.checked).toBe(size);
    }
    const lstms = spec.layers.filter((l) => l.kind === 'lstm').length;
    expect(checked.filter((name) => name.includes('initial'))).toHaveLength(2 * lstms);
    expect(checked.includes('input')).toBe(spec.inputSize !== undefined);
  });

  test('the ignored class is there to be ignored', () => {
    const targets = Array.from(batchOf(CLASSES, buildModel(createReference('float64'), CLASSES)).targets);
    expect(targets.filter((t) => t === IGNORED).length).toBeGreaterThan(0);
    expect(targets.filter((t) => t !== IGNORED).length).toBeGreaterThan(0);
  });

  test('the formulas that errors are planted in are right themselves', async () => {
    expect((await check(withFormulas(RIGHT_FORMULAS), CLASSES)).passed).toBe(true);
  });
});

// ---------------------------------------------------------------- planted errors

interface Plant {
  readonly name: string;
  readonly kernels: () => Kernels;
  readonly spec?: ModelSpec;
  readonly options?: GradcheckOptions;
  /** The tensor with the largest error has to be one of these. */
  readonly worst: RegExp;
  /** These have to pass: nothing that the error touches leads to them. */
  readonly clean?: RegExp;
}

/** Everything that the head's gradients do not depend on. */
const BELOW = /^(lstm|embedding)/;
const HEAD = /^head\./;

const cellPlants: Plant[] = [
  {
    name: '(B4) dc without the factor o',
    kernels: () => withFormulas({ dc: (u) => u.dcAfter + u.dh * (1 - u.tc ** 2) }),
  },
  { name: '(B4) dc without (1 - tc^2)', kernels: () => withFormulas({ dc: (u) => u.dcAfter + u.dh * u.o }) },
  {
    name: '(B4) dc with (1 - c^2)',
    kernels: () => withFormulas({ dc: (u) => u.dcAfter + u.dh * u.o * (1 - u.c ** 2) }),
  },
  { name: '(B4) dc without dc+', kernels: () => withFormulas({ dc: (u) => u.dh * u.o * (1 - u.tc ** 2) }) },
  { name: '(B4) dc only dc+', kernels: () => withFormulas({ dc: (u) => u.dcAfter }) },
  { name: '(B4) do by c instead of tanh c', kernels: () => withFormulas({ dO: (u) => u.dh * u.c }) },
  { name: '(B4) do missing', kernels: () => withFormulas({ dO: () => 0 }) },
  { name: '(B3) di by i', kernels: () => withFormulas({ di: (u, dc) => dc * u.i }) },
  { name: '(B3) dg by g', kernels: () => withFormulas({ dg: (u, dc) => dc * u.g }) },
  { name: '(B3) df by c instead of c-', kernels: () => withFormulas({ df: (u, dc) => dc * u.c }) },
  { name: '(B3) dc- by i', kernels: () => withFormulas({ dcBefore: (u, dc) => dc * u.i }) },
  { name: '(B3) dc- without f', kernels: () => withFormulas({ dcBefore: (_, dc) => dc }) },
  { name: '(B3) dc- missing', kernels: () => withFormulas({ dcBefore: () => 0 }) },
  { name: '(B2) dai without (1 - i)', kernels: () => withFormulas({ dai: (u, di) => di * u.i }) },
  { name: '(B2) daf without (1 - f)', kernels: () => withFormulas({ daf: (u, df) => df * u.f }) },
  { name: '(B2) dao without (1 - o)', kernels: () => withFormulas({ dao: (u, dO) => dO * u.o }) },
  { name: '(B2) dai without i', kernels: () => withFormulas({ dai: (u, di) => di * (1 - u.i) }) },
  { name: '(B2) dag by (1 - g)', kernels: () => withFormulas({ dag: (u, dg) => dg * (1 - u.g) }) },
  { name: '(B2) dag by g (1 - g)', kernels: () => withFormulas({ dag: (u, dg) => dg * u.g * (1 - u.g) }) },
].map((plant) => ({ ...plant, worst: BELOW, clean: HEAD }));

const H_OF = new Map([
  [4 * H1, H1],
  [4 * H2, H2],
]);

const productPlants: Plant[] = [
  {
    name: '(B1) dh- dropped',
    kernels: () =>
      withInstructions((k) => ({
        gemmPacked: (out, a, b, add) => {
          if (b.rows !== 4 * b.cols) k.gemmPacked(out, a, b, add); // Wh' is (4H, H)
        },
      })),
    worst: BELOW,
    clean: HEAD,
  },
  {
    name: '(B1) dh- assigned, where the layer above has already put its share',
    kernels: () =>
      withInstructions((k) => ({
        gemmPacked: (out, a, b, add) => k.gemmPacked(out, a, b, add && b.rows !== 4 * b.cols),
      })),
    worst: BELOW,
    clean: HEAD,
  },
  {
    name: '(B1) dh- by the gates instead of da',
    kernels: () => {
      let gates: Parameters<Kernels['lstmCell']>[0]['gates'] | null = null;
      return withInstructions((k) => ({
        lstmCellGrad: (d, dcPrev, y, cPrev) => {
          gates = y.gates;
          k.lstmCellGrad(d, dcPrev, y, cPrev);
        },
        gemmPacked: (out, a, b, add) => k.gemmPacked(out, b.rows === 4 * b.cols ? gates! : a, b, add),
      }));
    },
    worst: BELOW,
    clean: HEAD,
  },
  {
    name: '(B1) dWx dropped',
    kernels: () =>
      withInstructions((k) => ({
        gemm: (out, a, b, o) => {
          if (!(o?.transA && out.rows === 4 * H1 && out.cols === E)) k.gemm(out, a, b, o);
        },
      })),
    worst: /^lstm\.weight_ih_l0$/,
    clean: /^(?!lstm\.weight_ih_l0$)/,
  },
  {
    name: '(B1) dWx of the second layer negated',
    kernels: () =>
      withInstructions((k) => ({
        gemm: (out, a, b, o) => {
          k.gemm(out, a, b, o);
          if (o?.transA && out.rows === 4 * H2 && out.cols === H1) {
            live(k, out).forEach((v, at, all) => {
              all[at] = -v;
            });
          }
        },
      })),
    worst: /^lstm\.weight_ih_l1$/,
    clean: /^(?!lstm\.weight_ih_l1$)/,
  },
  {
    name: '(B1) dWh by h instead of h-',
    kernels: () =>
      withInstructions((k) => ({
        gemm: (out, a, b, o) => {
          if (!(o?.transA && H_OF.get(out.rows) === out.cols)) return k.gemm(out, a, b, o);
          const seen = live(k, b); // h-, which is h one block earlier in the same memory
          const oneStepOn = new Float64Array(seen.buffer, seen.byteOffset + N * b.cols * 8, seen.length);
          const h = k.alloc(b.rows, b.cols);
          k.upload(h, oneStepOn);
          k.gemm(out, a, h, o);
        },
      })),
    worst: /^lstm\.weight_hh_l[01]$/,
    clean: /^(?!lstm\.weight_hh)/,
  },
  {
    name: '(B1) dWh without the first step',
    kernels: () =>
      withInstructions((k) => ({
        gemm: (out, a, b, o) => {
          if (!(o?.transA && H_OF.get(out.rows) === out.cols)) return k.gemm(out, a, b, o);
          const rows = a.rows - N;
          k.gemm(out, k.view(a, N * a.cols, rows, a.cols), k.view(b, N * b.cols, rows, b.cols), o);
        },
      })),
    worst: /^lstm\.weight_hh_l[01]$/,
    clean: /^(?!lstm\.weight_hh)/,
  },
  {
    name: '(B1) db dropped',
    kernels: () =>
      withInstructions((k) => ({
        sumRows: (out, a) => {
          if (!H_OF.has(out.cols)) k.sumRows(out, a);
        },
      })),
    worst: /^lstm\.bias/,
    clean: /^(?!lstm\.bias)/,
  },
  {
    name: '(B1) db of the last row only',
    kernels: () =>
      withInstructions((k) => ({
        sumRows: (out, a) =>
          H_OF.has(out.cols) ? k.copy(out, k.view(a, (a.rows - 1) * a.cols, 1, a.cols)) : k.sumRows(out, a),
      })),
    worst: /^lstm\.bias/,
    clean: /^(?!lstm\.bias)/,
  },
  {
    name: '(B1) db to the first of the two biases only',
    kernels: () =>
      withInstructions((k) => {
        let backward = false;
        let calls = 0;
        return {
          pack: (out, b, trans) => {
            backward = !trans; // the backward pass packs Wh', the forward pass Wh
            calls = 0;
            k.pack(out, b, trans);
          },
          add: (out, a, b) => {
            if (!backward || ++calls === 1) k.add(out, a, b);
          },
        };
      }),
    worst: /^lstm\.bias_hh_l[01]$/,
    clean: /^(?!lstm\.bias_hh)/,
  },
  {
    name: '(B1) dx of the second layer with the wrong sign',
    kernels: () =>
      withInstructions((k) => ({
        gemm: (out, a, b, o) => {
          k.gemm(out, a, b, o);
          if (!o && b.rows === 4 * H2) {
            live(k, out).forEach((v, at, all) => {
              all[at] = -v;
            });
          }
        },
      })),
    worst: /^(embedding|lstm\..*_l0$|lstm initial)/,
    clean: /^(head|lstm\..*_l1$|lstm_l1)/,
  },
  {
    name: '(B1) dx of the first layer with the wrong sign',
    spec: REGRESSION,
    kernels: () =>
      withInstructions((k) => ({
        gemm: (out, a, b, o) => {
          k.gemm(out, a, b, o);
          if (!o && b.rows === 4 * H1) {
            live(k, out).forEach((v, at, all) => {
              all[at] = -v;
            });
          }
        },
      })),
    worst: /^input$/,
    clean: /^(?!input$)/,
  },
  {
    name: "(A1') dx dropped",
    kernels: () =>
      withInstructions((k) => ({
        gemm: (out, a, b, o) => {
          if (o || b.rows !== O) k.gemm(out, a, b, o);
        },
      })),
    worst: BELOW,
    clean: HEAD,
  },
  {
    name: "(A1') dW with rows of dy that are not summed",
    kernels: () =>
      withInstructions((k) => ({
        gemm: (out, a, b, o) => {
          if (!(o?.transA && out.rows === O)) return k.gemm(out, a, b, o);
          k.gemm(out, k.view(a, 0, 1, a.cols), k.view(b, 0, 1, b.cols), o);
        },
      })),
    worst: /^head\.weight$/,
    clean: /^(?!head\.weight$)/,
  },
  {
    name: "(A1') db dropped",
    kernels: () =>
      withInstructions((k) => ({
        sumRows: (out, a) => {
          if (out.cols !== O) k.sumRows(out, a);
        },
      })),
    worst: /^head\.bias$/,
    clean: /^(?!head\.bias$)/,
  },
  {
    name: "(E1') assigned, so that a token that comes again counts once",
    kernels: () =>
      withInstructions((k) => ({
        scatterAddRows: (table, ids, a) => {
          ids.forEach((id, r) => {
            k.copy(k.view(table, id * a.cols, 1, a.cols), k.view(a, r * a.cols, 1, a.cols));
          });
        },
      })),
    worst: /^embedding\.weight$/,
    clean: /^(?!embedding)/,
  },
  {
    name: "(E1') added to the row after",
    kernels: () =>
      withInstructions((k) => ({
        scatterAddRows: (table, ids, a) =>
          k.scatterAddRows(
            table,
            ids.map((id) => (id + 1) % table.rows),
            a,
          ),
      })),
    worst: /^embedding\.weight$/,
    clean: /^(?!embedding)/,
  },
];

/** Any tensor: an error in the loss's gradient reaches all of them, and none may pass. */
const ANY = /./;

const lossPlants: Plant[] = [
  {
    name: "(L1') p instead of p - q",
    kernels: () => withInstructions((k) => ({ softmaxCrossEntropyGrad: (dz, p) => k.copy(dz, p) })),
    worst: ANY,
  },
  {
    name: "(L1') not divided by the count",
    kernels: () =>
      withInstructions((k) => ({
        softmaxCrossEntropyGrad: (dz, p, y) => k.softmaxCrossEntropyGrad(dz, p, y, { reduction: 'sum' }),
      })),
    worst: ANY,
  },
  {
    name: "(L1') class weights forgotten",
    kernels: () =>
      withInstructions((k) => ({
        softmaxCrossEntropyGrad: (dz, p, y, o) => k.softmaxCrossEntropyGrad(dz, p, y, { reduction: o!.reduction! }),
      })),
    options: {
      loss: { kind: 'crossEntropy', reduction: 'sum', classWeights: [1, 0.5, 2, 1.5, 0.25, 3, 0.75] },
    },
    worst: ANY,
  },
  {
    name: "(L1') ignored rows counted",
    kernels: () =>
      withInstructions((k) => ({
        softmaxCrossEntropyGrad: (dz, p, y) => k.softmaxCrossEntropyGrad(dz, p, y, { reduction: 'sum' }),
      })),
    options: { loss: { kind: 'crossEntropy', reduction: 'sum', ignoreIndex: IGNORED } },
    worst: ANY,
  },
  {
    name: "(L1') the smoothing forgotten",
    kernels: () =>
      withInstructions((k) => ({ softmaxCrossEntropyGrad: (dz, p, y) => k.softmaxCrossEntropyGrad(dz, p, y) })),
    options: { loss: { kind: 'crossEntropy', labelSmoothing: 0.1 } },
    worst: ANY,
  },
  {
    name: "(L2') without the 2",
    spec: REGRESSION,
    kernels: () =>
      withInstructions((k) => ({
        valueLossGrad: (dy, y, targets, kind) => {
          k.valueLossGrad(dy, y, targets, kind);
          live(k, dy).forEach((v, at, all) => {
            all[at] = v / 2;
          });
        },
      })),
    worst: ANY,
  },
  {
    name: "(L2') divided by the rows instead of the elements",
    spec: REGRESSION,
    kernels: () =>
      withInstructions((k) => ({
        valueLossGrad: (dy, y, targets, kind) => {
          k.valueLossGrad(dy, y, targets, kind);
          live(k, dy).forEach((v, at, all) => {
            all[at] = v * dy.cols;
          });
        },
      })),
    worst: ANY,
  },
  {
    name: "(L3') multiplied by s (1 - s) once more",
    spec: BITS,
    options: { loss: 'binaryCrossEntropy' },
    kernels: () =>
      withInstructions((k) => ({
        valueLossGrad: (dz, z, p, kind) => {
          k.valueLossGrad(dz, z, p, kind);
          const logits = live(k, z);
          live(k, dz).forEach((v, at, all) => {
            const s = 1 / (1 + Math.exp(-logits[at]!));
            all[at] = v * s * (1 - s);
          });
        },
      })),
    worst: ANY,
  },
];

describe('planted errors are caught', () => {
  test.each([...cellPlants, ...productPlants, ...lossPlants])('$name', async (plant) => {
    const { kernels, spec = CLASSES, options = {}, worst, clean } = plant;
    const report = await check(kernels(), spec, { perTensor: 6, ...options });
    expect(report.passed).toBe(false);
    expect(report.worst.relativeError).toBeGreaterThan(100 * report.tolerance);
    expect(report.worst.tensor).toMatch(worst);
    const wrong = report.tensors.filter((t) => !(t.worst.relativeError <= report.tolerance)).map((t) => t.tensor);
    expect(wrong).toContain(report.worst.tensor);
    if (clean) {
      expect(report.tensors.some((t) => clean.test(t.tensor))).toBe(true);
      expect(wrong.filter((name) => clean.test(name))).toEqual([]);
    }
    if (worst === ANY) expect(wrong).toEqual(report.tensors.map((t) => t.tensor));
  });

  test('a single NaN is worse than any number', async () => {
    const k = withInstructions((right) => ({
      sumRows: (out, a) => {
        right.sumRows(out, a);
        if (out.cols === O) live(right, out)[3] = Number.NaN;
      },
    }));
    const report = await check(k, CLASSES, { perTensor: 10 });
    expect(report.passed).toBe(false);
    expect(report.worst).toMatchObject({ tensor: 'head.bias', index: [3], analytic: Number.NaN });
  });
});

describe('the report', () => {
  test('perTensor bounds the elements compared, spread over the whole tensor', async () => {
    const report = await check(createReference('float64'), CLASSES, { perTensor: 5 });
    for (const t of report.tensors) {
      expect(t.checked).toBeLessThanOrEqual(5);
      expect(t.checked).toBeGreaterThanOrEqual(3);
    }
  });

  test('leaves the parameters as they were', async () => {
    const model = buildModel(createReference('float64'), CLASSES);
    const before = await model.kernels.download(model.parameters.matrix);
    await gradcheck(model, batchOf(CLASSES, model));
    expect(await model.kernels.download(model.parameters.matrix)).toEqual(before);
  });

  test('the index of the worst element is that of the planted one', async () => {
    const k = withInstructions((right) => ({
      gemm: (out, a, b, o) => {
        right.gemm(out, a, b, o);
        if (o?.transA && out.rows === O) live(right, out)[3 * H2 + 2]! += 1;
      },
    }));
    const { worst } = await check(k, CLASSES);
    expect(worst).toMatchObject({ tensor: 'head.weight', index: [3, 2] });
    expect(worst.analytic - worst.numeric).toBeCloseTo(1, 6);
  });

  test('float32 and a senseless epsilon are refused', async () => {
    const single = await rejected(() => check(createReference('float32'), CLASSES));
    expect(problemOf(single, 'INVALID_SETTING').path).toBe('precision');
    const zero = await rejected(() => check(createReference('float64'), CLASSES, { epsilon: 0 }));
    expect(problemOf(zero, 'INVALID_SETTING').path).toBe('epsilon');
  });
});
