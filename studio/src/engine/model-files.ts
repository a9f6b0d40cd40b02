/** Creates sessions, from settings or from a model file, and saves model files. */
import { createModel, type Model, type ModelFile, parseModel, serializeModel } from 'unspool';
import type { Settings } from '../settings.js';
import { settingsOfFile } from './file-settings.js';
import { Session } from './session.js';
import { specOf, taskOf } from './tasks/index.js';
import type { Task, UserData } from './tasks/task.js';

/** The data files are at the root of the development server; in the built page they are one folder above this script. */
const fetchText = async (file: string): Promise<string> => {
  const base = import.meta.env.DEV ? self.location.origin : new URL('..', self.location.href);
  const response = await fetch(new URL(file, base)).catch(() => null);
  if (!response?.ok) throw new Error(`Cannot load ${file}. Choose another preset, or reload the page.`);
  return response.text();
};

/** A session with a new model. */
export async function createSession(settings: Settings, data: UserData): Promise<Session> {
  const task = await taskOf(settings, data, fetchText);
  const { backend } = settings;
  const precision = backend === 'reference' ? { precision: 'float64' as const } : {};
  return new Session(settings, task, await createModel(specOf(settings, task), { backend, ...precision }));
}

/**
 * A session with the model of a file. The file's metadata choose the preset that the model was trained on, if there is one; otherwise
 * the model must fit the current data.
 */
export async function openSession(
  bytes: Uint8Array,
  name: string,
  current: Settings,
  data: UserData,
): Promise<Session> {
  const file = parseModel(bytes, name);
  const settings = settingsOfFile(file, current);
  const task = await taskOf(settings, data, fetchText);
  requireSameVocabulary(file, task, name);
  requireOutputPerStep(file, name);
  const model = await createModel(file.spec, { backend: settings.backend });
  try {
    requireSameSizes(model, task, name);
    for (const [parameter, values] of file.parameters) model.parameters.set(parameter, values);
  } catch (error) {
    model.dispose();
    throw error;
  }
  return new Session(settings, task, model, name);
}

function requireSameVocabulary({ vocabulary }: ModelFile, task: Task, name: string): void {
  if (!vocabulary || !task.vocabulary) return;
  if (vocabulary.characters.join('') === task.vocabulary.characters.join('')) return;
  throw new Error(
    `${name} has a vocabulary of ${vocabulary.size} characters, which differs from the ${task.vocabulary.size} characters of this text. Choose the text that the model was trained on, then open it again.`,
  );
}

function requireOutputPerStep({ spec }: ModelFile, name: string): void {
  const hasOneOutput = spec.layers.some(
    (layer) => layer.kind === 'repeat' || (layer.kind === 'lstm' && layer.returns === 'last'),
  );
  if (!hasOneOutput) return;
  throw new Error(
    `${name} produces one output per sequence; the Studio needs one per time step. Inspect it with: npx unspool inspect ${name}`,
  );
}

function requireSameSizes({ spec, outputSize }: Model, task: Task, name: string): void {
  if (outputSize === task.outputSize && spec.inputSize === task.inputSize) return;
  const sizes = (input: number | undefined, output: number): string =>
    `${input === undefined ? 'tokens' : `${input} inputs`} and ${output} outputs`;
  throw new Error(
    `${name} is a model with ${sizes(spec.inputSize, outputSize)}, but the data have ${sizes(task.inputSize, task.outputSize)}. Choose the preset or the data that the model was trained on, then open it again.`,
  );
}

/** The bytes of a model file. */
export function saveModel({ settings, task, model }: Session): Promise<Uint8Array> {
  const { preset, batchSize, steps, optimizer, learningRate } = settings;
  return serializeModel(model, {
    vocabulary: task.vocabulary,
    metadata: { madeBy: 'Unspool Studio', preset, settings: { batchSize, steps, optimizer, learningRate } },
  });
}
