import { join } from 'node:path';
import { UnspoolError } from '../../errors.js';
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
import { loadModel, readText } from '../../node/index.js';
import { UsageError } from '../command.js';
import { createOutput, type Output } from '../output.js';
import { type NamedFile, saveReport } from '../paths.js';
import { tableText } from '../report/tables.js';
import { requireVocabulary, withDataName } from '../text-model.js';
import {
  COLUMN_NOTE,
  comparisonPage,
  comparisonTable,
  type Flow,
  type Found,
  flowOf,
  staleTable,
} from './comparison.js';
import type { CompareOptions } from './options.js';

/** In float64, so that the figures show the estimator rather than rounding errors. */
const EXACT = { backend: 'reference', precision: 'float64' } as const;
const INPUTS = 4;

interface Subject {
  readonly model: Model;
  readonly sequence: readonly StepData[];
  /** The subject in a few words, for the report. */
  readonly description: string;
}

/** A model file and the beginning of a text that it can read. */
async function fromFile(file: string, { text: textFile, steps }: CompareOptions): Promise<Subject> {
  if (textFile === undefined) throw new UsageError('missing --text: the text that MODEL reads.');
  const loaded = await loadModel(file, EXACT);
  const vocabulary = requireVocabulary(file, loaded);
  const text = await readText(textFile);
  const tokens = withDataName(textFile, () => vocabulary.encode(text.slice(0, steps + 1)));
  if (tokens.length < steps + 1) {
    const problem = `the text has ${tokens.length} characters; ${steps + 1} are needed.`;
    throw new UnspoolError({
      code: 'INVALID_FILE',
      file: textFile,
      problem,
      help: 'Lower --steps or use a longer text.',
    });
  }
  const sequence = Array.from({ length: steps }, (_, t) => ({
    input: tokens.subarray(t, t + 1),
    target: Int32Array.from(tokens.subarray(t + 1, t + 2)),
  }));
  return { model: loaded.model, sequence, description: `${file} on the first ${steps} characters of ${textFile}` };
}

/** An untrained LSTM on noise, with a target at each step. */
async function onNoise({ hiddenSize, steps }: CompareOptions, seed: number): Promise<Subject> {
  const layers = [
    { kind: 'lstm' as const, hiddenSize, bias: 'single' as const },
    { kind: 'linear' as const, size: 1 },
  ];
  const model = await createModel({ seed, inputSize: INPUTS, layers }, EXACT);
  const random = createRng(seed, 'noise');
  const normals = (count: number): Float64Array => Float64Array.from({ length: count }, () => random.normal());
  const sequence = Array.from({ length: steps }, () => ({ input: normals(INPUTS), target: normals(1) }));
  return { model, sequence, description: `an untrained LSTM of ${hiddenSize} units on ${steps} steps of noise` };
}

/** `unspool lab compare` */
export async function compareEstimators(file: string | undefined, options: CompareOptions): Promise<number> {
  const { estimators: list, seeds, lr, out: folder } = options;
  if (list === undefined) throw new UsageError('missing --estimators, such as "tbptt:k1=1,k2=10 uoro".');
  const out = createOutput(options);
  const estimators = list.trim().split(/\s+/).map(parseEstimator);
  const found: Found[] = [];
  let flow: Flow | null = null;
  let description = '';
  for (let seed = 1; seed <= seeds; seed++) {
    const subject = file === undefined ? await onNoise(options, seed) : await fromFile(file, options);
    description = subject.description;
    const system = modelSystem(subject.model);
    const report = compareOn(system, subject.sequence, estimators, options, seed);
    found.push(report);
    flow ??= flowOf(system, subject.sequence);
    system.dispose();
    subject.model.dispose();
    out.record({ kind: 'comparison', ...report });
  }
  printComparison(out, description, found);
  if (folder !== undefined) {
    const { steps, draws } = options;
    const settings = { steps, draws, ...(lr !== undefined && { lr }) };
    const json = `${JSON.stringify({ description, ...settings, flow, found }, null, 1)}\n`;
    const inputs: NamedFile[] = [
      ['the model', file],
      ['the text', options.text],
    ];
    await saveReport('--out', join(folder, 'comparison.json'), json, inputs);
    await saveReport(
      '--out',
      join(folder, 'report.html'),
      await comparisonPage(description, settings, found, flow!),
      inputs,
    );
    out.print(`\nSaved ${join(folder, 'report.html')} and comparison.json, which has every parameter block.`);
  }
  return 0;
}

/** Compares the estimators with one seed; with `lr`, also while the parameters are updated after each emission. */
function compareOn(
  system: System,
  sequence: readonly StepData[],
  estimators: readonly GradientEstimator[],
  { draws, lr }: CompareOptions,
  seed: number,
): Found {
  const comparison = compare(estimators, system, sequence, { seed, draws });
  if (lr === undefined) return { seed, ...comparison };
  const stale = estimators.map((estimator) => ({
    name: estimator.name,
    points: staleness(estimator, system, sequence, { learningRate: lr, seed }),
  }));
  return { seed, ...comparison, stale };
}

function printComparison(out: Output, description: string, found: readonly Found[]): void {
  out.print(`Compared with the exact gradient of ${description}:\n`);
  out.print(tableText(comparisonTable(found)));
  out.print(`\n${COLUMN_NOTE}`);
  if (found.some(({ stale }) => stale)) {
    out.print('\nWhile the parameters change, at the last emission:\n');
    out.print(tableText(staleTable(found)));
  }
  for (const warning of new Set(found.flatMap(({ warnings }) => warnings))) out.warn(warning);
}
