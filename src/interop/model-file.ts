/**
 * A model as a safetensors file: the parameters under PyTorch's names, and in the header's metadata what they belong
 * to. A training checkpoint is the same file with the optimizer's and the carried state beside them.
 *
 * Metadata (all JSON but the first two):
 *   format = "unspool"; version = "1"; spec; vocabulary (a list of characters); facts (what the trainer tells);
 *   training (where a checkpoint stands; its tensors are `training.optimizer.NAME` and `training.state.LAYER.h|c`)
 */
import type { FloatArray, Precision } from '../core/kernels.js';
import { type Model, parameterLayout } from '../core/model.js';
import type { RngState } from '../core/rng.js';
import type { ModelSpec } from '../core/spec.js';
import type { TrainingState } from '../core/trainer.js';
import { Vocabulary } from '../data/vocabulary.js';
import { UnspoolError } from '../errors.js';
import { readSafetensors, type SafeTensorsFile, tensorValues, writeSafetensors } from './safetensors.js';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type Facts = { readonly [key: string]: Json };

export interface ModelFileParts {
  readonly vocabulary?: Vocabulary | null;
  /** Free JSON about how the model came to be: data, settings, losses. */
  readonly facts?: Facts;
  /** Present in a checkpoint. */
  readonly training?: TrainingState | null;
}

export interface ModelFile {
  readonly spec: ModelSpec;
  readonly precision: Precision;
  readonly vocabulary: Vocabulary | null;
  readonly facts: Facts;
  readonly training: TrainingState | null;
  /** By name, in the layout of `spec`. */
  readonly parameters: ReadonlyMap<string, FloatArray>;
}

/** What a checkpoint's JSON holds of a `TrainingState`: all but the arrays. */
interface TrainingHeader {
  readonly step: number;
  readonly epoch: number;
  readonly batch: number;
  readonly lossSum: number;
  readonly rng: RngState;
  readonly optimizer: readonly string[];
  readonly carried: number | null;
}

/** The bytes of a model file. The same model and parts give the same bytes. */
export async function serializeModel(model: Model, parts: ModelFileParts = {}): Promise<Uint8Array> {
  const { vocabulary = null, facts = {}, training = null } = parts;
  const values = await model.parameters.download();
  const tensors = model.parameters.layout.entries.map(({ name, shape }) => ({ name, shape, data: values.get(name)! }));
  const metadata: Record<string, string> = { format: 'unspool', version: '1', spec: JSON.stringify(model.spec) };
  if (vocabulary) metadata.vocabulary = JSON.stringify(vocabulary.characters);
  metadata.facts = JSON.stringify(facts);
  if (training) {
    const { optimizer, carried, ...rest } = training;
    for (const [name, data] of optimizer) {
      tensors.push({ name: `training.optimizer.${name}`, shape: [data.length], data });
    }
    carried?.forEach(({ h, c }, layer) => {
      tensors.push({ name: `training.state.${layer}.h`, shape: [h.length], data: h });
      tensors.push({ name: `training.state.${layer}.c`, shape: [c.length], data: c });
    });
    const header: TrainingHeader = { ...rest, optimizer: [...optimizer.keys()], carried: carried?.length ?? null };
    metadata.training = JSON.stringify(header);
  }
  return writeSafetensors(tensors, metadata);
}

/** Reads a model file or checkpoint. Throws `INVALID_FILE`, saying what is wrong, for anything else. */
export function parseModel(bytes: Uint8Array, file = 'model file'): ModelFile {
  const content = readSafetensors(bytes, file);
  const { metadata } = content;
  if (metadata.get('format') !== 'unspool') {
    throw new UnspoolError({
      code: 'INVALID_FILE',
      file,
      problem: 'it holds tensors, but was not saved by Unspool: it does not say which model they belong to.',
      help: 'Create the model from its spec and set its parameters from readSafetensors().',
    });
  }
  if (metadata.get('version') !== '1') {
    throw new UnspoolError({
      code: 'INVALID_FILE',
      file,
      problem: `it was saved in version ${metadata.get('version')} of the format; this program reads version 1.`,
      help: 'Use a newer Unspool.',
    });
  }
  const spec = json(metadata.get('spec'), 'spec', file) as ModelSpec;
  const parameters = readParameters(content, spec, file);
  const characters = metadata.has('vocabulary') ? json(metadata.get('vocabulary'), 'vocabulary', file) : null;
  const first = parameters.values().next().value;
  return {
    spec,
    precision: first instanceof Float64Array ? 'float64' : 'float32',
    vocabulary: characters === null ? null : inFile(file, () => new Vocabulary(characters as string[])),
    facts: json(metadata.get('facts') ?? '{}', 'facts', file) as Facts,
    training: metadata.has('training') ? readTraining(content, file) : null,
    parameters,
  };
}

/** A spec or vocabulary that is wrong inside a file is the file's fault, not a setting's. */
function inFile<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UnspoolError)) throw error;
    throw new UnspoolError({ code: 'INVALID_FILE', file, problem: `its header is wrong: ${error.message}` });
  }
}

function json(text: string | undefined, what: string, file: string): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    throw new UnspoolError({ code: 'INVALID_FILE', file, problem: `the ${what} in its header is no JSON.` });
  }
}

function readParameters(content: SafeTensorsFile, spec: ModelSpec, file: string): Map<string, FloatArray> {
  const layout = inFile(file, () => parameterLayout(spec));
  const parameters = new Map<string, FloatArray>();
  for (const { name, shape } of layout.entries) {
    const tensor = content.tensors.get(name);
    if (!tensor) throw new UnspoolError({ code: 'INVALID_FILE', file, problem: `the parameter ${name} is missing.` });
    if (tensor.shape.join() !== shape.join()) {
      const problem = `${name} has shape [${tensor.shape.join(', ')}], but its model needs [${shape.join(', ')}].`;
      throw new UnspoolError({ code: 'INVALID_FILE', file, problem });
    }
    parameters.set(name, tensorValues(tensor, file));
  }
  return parameters;
}

function readTraining(content: SafeTensorsFile, file: string): TrainingState {
  const header = json(content.metadata.get('training'), 'training state', file) as TrainingHeader;
  const values = (name: string): FloatArray => {
    const tensor = content.tensors.get(name);
    if (!tensor) throw new UnspoolError({ code: 'INVALID_FILE', file, problem: `the tensor ${name} is missing.` });
    return tensorValues(tensor, file);
  };
  const { step, epoch, batch, lossSum, rng, carried } = header ?? {};
  const numbers = [step, epoch, batch, lossSum];
  if (!numbers.every((n) => Number.isFinite(n)) || typeof rng !== 'object' || !Array.isArray(header.optimizer)) {
    throw new UnspoolError({ code: 'INVALID_FILE', file, problem: 'the training state in its header is incomplete.' });
  }
  const layers = carried === null ? null : Array.from({ length: Math.min(carried, content.tensors.size) }, (_, i) => i);
  return {
    step,
    epoch,
    batch,
    lossSum,
    rng,
    optimizer: new Map(header.optimizer.map((name) => [name, values(`training.optimizer.${name}`)])),
    carried: layers?.map((i) => ({ h: values(`training.state.${i}.h`), c: values(`training.state.${i}.c`) })) ?? null,
  };
}
