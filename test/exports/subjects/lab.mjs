/** Valid calls of the exports of `unspool/lab`, and of the methods of what they return. */
import * as main from '../../../dist/index.js';
import * as lab from '../../../dist/lab/index.js';
import { cellWeights, sequence, source, valueBatch } from '../world.mjs';

const SETTINGS = {
  adaptiveTbptt: { bias: 0.1, max: 3 },
  artbp: { cut: 0.1 },
  bptt: undefined,
  checkpointed: { steps: 4, memory: 0.5 },
  deer: { tolerance: 1e-8, maxIterations: 50 },
  quasiDeer: { tolerance: 1e-8, maxIterations: 50 },
  evolution: { particles: 4, sigma: 0.1 },
  pes: { particles: 4, sigma: 0.1 },
  forwardGradient: undefined,
  hDetach: { rate: 0.5 },
  ok: { rank: 2 },
  eprop: undefined,
  rflo: undefined,
  snap: { n: 1 },
  kfRtrl: undefined,
  uoro: undefined,
  rtrl: undefined,
  syntheticGradients: { k: 2, rate: 0.1 },
  randomizedTelescope: { keep: 0.5 },
  tbptt: { k1: 1, k2: 2 },
};

const run = (estimator, w) => {
  const system = systemFor(estimator.name, w);
  lab.unroll(system, estimator.start(system, w.rng()), sequence(), {}, () => {});
};
const estimator = (settings) => ({ args: () => (settings ? [{ ...settings }] : []), after: run });
const steps = (made) => [...made].slice(0, 2);
const jacobians = (w) => lab.stateJacobians(w.cells, sequence());
const calls = {
  ESTIMATORS: null,
  addingTask: { args: (w) => [4, 2, w.rng()] },
  batchToSteps: { args: () => [valueBatch(), 'meanSquaredError'], after: steps },
  cellSystem: {
    args: () => [lab.rnnCell(2, 3), lab.squaredErrorReadout(3, 2), cellWeights()],
    open: ['[0]', '[1]'],
    after: (system) => system.step(system.initial(), sequence()[0]),
  },
  compare: {
    args: (w) => [
      [lab.bptt(), lab.tbptt({ k1: 1, k2: 2 })],
      w.cells,
      sequence(),
      { draws: 4, seed: 1, state: [0, 0, 0], every: 2, confidence: 0.9 },
    ],
  },
  'compare of a model': {
    of: 'compare',
    args: (w) => [[lab.uoro()], w.system, sequence(), { draws: 3 }],
  },
  copyTask: { args: (w) => [{ symbols: 3, length: 2, lag: 2 }, 2, w.rng()] },
  copyWidth: { args: () => [{ symbols: 3 }], open: ['[0]'] },
  countingText: { args: (w) => [5, w.rng()] },
  delayedAddTask: { args: (w) => [{ t1: 1, t2: 2 }, 2, w.rng()] },
  delayedCopyTask: { args: (w) => [{ symbols: 3, length: 2, every: 3, lag: 4 }, 2, w.rng()] },
  estimatorGradient: {
    args: () => [lab.tbptt({ k1: 1, k2: 2 })],
    open: ['[0]'],
    after: async (gradient, w) => {
      const training = main.fit(w.model, { train: source() }, { optimizer: main.adam(), gradient, maxUpdates: 1 });
      for await (const event of training) if (event.kind === 'update') break;
      training.dispose();
    },
  },
  everySegment: { args: () => [9, 3] },
  gradientsByStep: { args: (w) => [w.cells, sequence(), [0, 0, 0]] },
  'gradientsByStep of a model': {
    of: 'gradientsByStep',
    args: (w) => [w.system, sequence()],
  },
  hessianVector: {
    args: async (w) => [
      w.model,
      valueBatch(),
      new Float32Array(w.model.size).fill(0.1),
      { loss: 'meanSquaredError', from: null },
    ],
  },
  keepAll: { args: () => [5] },
  lagSpectrum: { args: (w) => [w.cells, sequence(), { longest: 2, state: [0, 0, 0] }] },
  lyapunovExponents: { args: (w) => [jacobians(w), 2] },
  modelSystem: {
    args: (w) => [w.model, { batchSize: 1, loss: 'meanSquaredError' }],
    after: (system) => system.dispose(),
  },
  optimalPlan: { args: () => [8, 6, { entryCost: 3, entries: true }], after: (plan) => lab.planCost(plan) },
  parseEstimator: { args: () => ['tbptt:k1=1,k2=2'], after: run },
  planCost: { args: () => [lab.everySegment(9, 3), 3], open: true },
  rnnCell: { args: () => [2, 3] },
  singularValues: { args: () => [[1, 2, 3, 4]] },
  solveTrajectory: {
    args: (w) => [w.cells, sequence(), { method: 'deer', tolerance: 1e-8, maxIterations: 50 }, [0, 0, 0]],
  },
  squaredErrorReadout: { args: () => [3, 2] },
  staleness: {
    args: (w) => [
      lab.tbptt({ k1: 1, k2: 2 }),
      w.cells,
      sequence(),
      { learningRate: 0.01, every: 1, points: 2, seed: 1 },
    ],
  },
  stateJacobians: { args: (w) => [w.cells, sequence(), [0, 0, 0]] },
  stepsToBatch: { args: (w) => [lab.addingTask(4, 2, w.rng()), 2] },
  temporalOrderTask: { args: (w) => [12, 2, w.rng()] },
  unroll: {
    args: (w) => [
      w.cells,
      lab.bptt().start(w.cells, w.rng()),
      sequence(),
      { state: [0, 0, 0], every: 2, gradient: new Float64Array(26) },
      () => {},
    ],
  },
};
export const labSubjects = {
  ...Object.fromEntries(Object.entries(SETTINGS).map(([name, settings]) => [name, estimator(settings)])),
  ...calls,
};

const step = (system) => system.step(system.initial(), sequence()[0]);
const data = () => sequence()[0];
const system = (of) => ({
  open: true,
  make: (w) => w[of],
  methods: {
    initial: () => [],
    step: () => [of === 'cells' ? [0, 0, 0] : new Float64Array(6), data()],
    changed: () => [],
    dispose: () => [],
    newGradient: () => [],
    matrixOf: (w) => [w.system.newGradient()],
    adding: null, // not part of the interface
    floats: null,
    giveBack: null,
  },
});
const systemStep = (of, S) => ({
  open: true,
  make: (w) => step(w[of]),
  methods: {
    lossGradient: (w) => [new Float64Array(w[of].parameters.length)],
    vjp: (w) => [new Float64Array(S), new Float64Array(w[of].parameters.length)],
    jvp: (w) => [new Float64Array(S), new Float64Array(w[of].parameters.length)],
    release: () => [],
    dispose: null, // not part of the interface
  },
});
export const labObjects = {
  'System of a cell': system('cells'),
  'System of a model': system('system'),
  'SystemStep of a cell': systemStep('cells', 3),
  'SystemStep of a model': systemStep('system', 6),
  GradientEstimator: { make: () => lab.tbptt({ k1: 1, k2: 2 }), methods: { start: (w) => [w.cells, w.rng()] } },
  ...Object.fromEntries(
    Object.entries(SETTINGS).map(([name, settings]) => [
      `EstimatorRun of ${name}`,
      {
        open: true,
        fails: ['emit'], // a plan for 4 steps, say, needs all of them
        make: (w) => lab.ESTIMATORS[name](settings).start(systemFor(name, w), w.rng()),
        methods: {
          step: (w) => [step(systemFor(name, w)), data()],
          emit: (w) => [new Float64Array(systemFor(name, w).parameters.length)],
          reset: () => [],
        },
      },
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(SETTINGS).map(([name, settings]) => [
      `${name} started on a system`,
      { make: () => lab.ESTIMATORS[name](settings), methods: { start: (w) => [w.system, w.rng()] } },
    ]),
  ),
  GradientFunction: {
    open: true, // what `fit` passes
    make: () => lab.estimatorGradient(lab.bptt()),
    call: true,
    methods: {
      '()': (w) => [
        w.model,
        valueBatch(),
        {
          tape: w.model.tape(valueBatch()),
          gradients: w.model.arena(),
          from: null,
          noise: null,
          loss: 'meanSquaredError',
        },
      ],
      restore: () => [[]],
      dispose: () => [],
    },
  },
  Cell: {
    open: true,
    make: () => lab.rnnCell(2, 3),
    methods: {
      forward: () => [new Float64Array(18), [0, 0, 0], [1, 2]],
      vjp: () => [cellPoint(), [1, 2, 3], new Float64Array(18)],
      jvp: () => [cellPoint(), [1, 2, 3], new Float64Array(18)],
      units: () => [cellPoint()],
    },
  },
  Readout: {
    make: () => lab.squaredErrorReadout(3, 2),
    methods: {
      loss: () => [new Float64Array(8), [1, 2, 3], [1, 2]],
      gradient: () => [new Float64Array(8), [1, 2, 3], [1, 2], new Float64Array(8)],
    },
  },
};

/** rFLO needs the gradient of the output, which a written cell does not have. */
const systemFor = (name, w) => (name === 'rflo' ? w.system : w.cells);

const cellPoint = () => ({ theta: new Float64Array(18), state: [0, 0, 0], input: [1, 2], next: new Float64Array(3) });
