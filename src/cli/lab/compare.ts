import { join } from 'node:path';
import { requireInteger, requireNumber, UnspoolError } from '../../errors.js';
import { createModel, createRng, type Model } from '../../index.js';
import {
  compare,
  type GradientEstimator,
  modelSystem,
  parseEstimator,
  type StepData,
  type System,
  staleness,
} from '../../lab/index.js';
import { loadModel, readText, writeFileAtomic } from '../../node/index.js';
import { type OptionValues, UsageError } from '../command.js';
import { naming } from '../naming.js';
import { createOutput, type Output } from '../output.js';
import { tableText } from '../report/tables.js';
import { requireVocabulary } from '../sample.js';
import { comparisonPage, comparisonTable, type Flow, type Found, flowOf, staleTable } from './comparison.js';

/** All in float64, so that what differs is the method and not the rounding. */
const EXACT = { backend: 'reference', precision: 'float64' } as const;
const INPUTS = 4;

interface Subject {
  readonly model: Model;
  readonly sequence: readonly StepData[];
  readonly what: string;
}

/** A model file and the beginning of a text that it can read. */
async function fromFile(file: string, textFile: unknown, steps: number): Promise<Subject> {
  if (typeof textFile !== 'string') throw new UsageError('--text is missing: what the model reads');
  const loaded = await loadModel(file, EXACT);
  const vocabulary = requireVocabulary(file, loaded);
  const text = await readText(textFile);
  const tokens = naming(textFile, () => vocabulary.encode(text.slice(0, steps + 1)));
  if (tokens.length < steps + 1) {
    const problem = `it has ${tokens.length} characters, and ${steps + 1} are needed.`;
    throw new UnspoolError({ code: 'INVALID_FILE', file: textFile, problem, help: 'Lower --steps.' });
  }
  const sequence = Array.from({ length: steps }, (_, t) => ({
    input: tokens.subarray(t, t + 1),
    target: Int32Array.from(tokens.subarray(t + 1, t + 2)),
  }));
  return { model: loaded.model, sequence, what: `${file} on the first ${steps} characters of ${textFile}` };
}

/** An untrained LSTM on noise, with a target at each step. */
async function onNoise(units: number, steps: number, seed: number): Promise<Subject> {
  const layers = [
    { kind: 'lstm' as const, hiddenSize: units, bias: 'single' as const },
    { kind: 'linear' as const, size: 1 },
  ];
  const model = await createModel({ seed, inputSize: INPUTS, layers }, EXACT);
  const random = createRng(seed, 'noise');
  const normals = (count: number): Float64Array => Float64Array.from({ length: count }, () => random.normal());
  const sequence = Array.from({ length: steps }, () => ({ input: normals(INPUTS), target: normals(1) }));
  return { model, sequence, what: `an untrained LSTM of ${units} units on ${steps} steps of noise` };
}

/** `unspool lab compare` */
export async function compareEstimators(file: string | undefined, options: OptionValues): Promise<number> {
  const out = createOutput(options);
  const { estimators: list, seeds = 3, steps = 60, draws = 256, units = 16, text, rate, out: folder } = options;
  let flow: Flow | null = null;
  if (typeof list !== 'string') throw new UsageError('--estimators is missing, such as "tbptt:k1=1,k2=10 uoro"');
  for (const [name, value] of Object.entries({ seeds, steps, draws, units })) requireInteger(name, value, 1, 1 << 20);
  if (rate !== undefined) requireNumber('rate', rate, 0, Number.MAX_VALUE);
  const estimators = list.trim().split(/\s+/).map(parseEstimator);
  const found: Found[] = [];
  let what = '';
  for (let seed = 1; seed <= (seeds as number); seed++) {
    const subject = file
      ? await fromFile(file, text, steps as number)
      : await onNoise(units as number, steps as number, seed);
    what = subject.what;
    const system = modelSystem(subject.model);
    const report = {
      ...compare(estimators, system, subject.sequence, { seed, draws: draws as number }),
      ...(rate === undefined ? {} : { stale: stale(estimators, system, subject.sequence, seed, rate as number) }),
    };
    found.push({ seed, ...report });
    if (seed === 1) flow = flowOf(system, subject.sequence);
    system.dispose();
    subject.model.dispose();
    out.record({ kind: 'comparison', seed, ...report });
  }
  tell(out, what, found);
  if (typeof folder === 'string') {
    const settings = { steps, draws, ...(rate === undefined ? {} : { rate }) };
    const files = {
      'comparison.json': `${JSON.stringify({ what, ...settings, flow, found }, null, 1)}\n`,
      'report.html': await comparisonPage(what, settings, found, flow!),
    };
    for (const [name, content] of Object.entries(files)) {
      await writeFileAtomic(join(folder, name), new TextEncoder().encode(content));
    }
    out.say(`\nWritten: ${join(folder, 'report.html')}, and comparison.json with every block of the parameters.`);
  }
  return 0;
}

/** By estimator: where theta moves by `rate` after each emission. */
const stale = (
  estimators: readonly GradientEstimator[],
  system: System,
  sequence: readonly StepData[],
  seed: number,
  rate: number,
): Found['stale'] =>
  estimators.map((estimator) => ({
    name: estimator.name,
    points: staleness(estimator, system, sequence, { learningRate: rate, seed }),
  }));

function tell(out: Output, what: string, found: readonly Found[]): void {
  out.say(`Against the exact gradient of ${what}:\n`);
  out.say(tableText(comparisonTable(found)));
  out.say('\nvariance: of one draw; z: the bias over what so many draws leave by chance, about 1 where there is none.');
  if (found.some(({ stale }) => stale)) {
    out.say('\nWhile theta moves, at the last emission:\n');
    out.say(tableText(staleTable(found)));
  }
  for (const warning of new Set(found.flatMap(({ warnings }) => warnings))) out.warn(warning);
}
