/** Reads models that Unspool exported as JSON (exports/json.ts). */
import { isObject } from '../../checks.js';
import type { FloatArray } from '../../contract/kernels.js';
import type { ModelSpec } from '../../core/spec.js';
import { Vocabulary } from '../../data/vocabulary.js';
import { UnspoolError } from '../../errors.js';
import { parseBounded } from '../bounded-json.js';
import { invalidFile } from '../invalid.js';
import { unknownNode } from './finish.js';
import type { ForeignLayer, ImportSource } from './imported.js';
import type { OpenOptions } from './options.js';

const FORMAT = 'a model that Unspool exported as JSON';

function vocabularyOf(characters: unknown, file: string): Vocabulary | null {
  if (characters === null || characters === undefined) return null;
  try {
    return new Vocabulary(characters as string[]);
  } catch (error) {
    if (!(error instanceof UnspoolError)) throw error;
    throw invalidFile(file, `its vocabulary is invalid: ${error.message}`);
  }
}

function parametersOf(parameters: unknown, isDouble: boolean, file: string): Map<string, FloatArray> {
  if (!isObject(parameters)) throw invalidFile(file, 'it has no object "parameters".');
  return new Map(
    Object.entries(parameters).map(([name, parameter]) => {
      const data = isObject(parameter) ? parameter.data : null;
      if (!Array.isArray(data) || !data.every(Number.isFinite)) {
        throw invalidFile(file, `the data of ${name} must be a list of numbers.`);
      }
      return [name, isDouble ? Float64Array.from(data) : Float32Array.from(data)];
    }),
  );
}

/** Opens a model in JSON. It is imported as a whole. Throws `INVALID_FILE`. */
export function openJson(bytes: Uint8Array, { file }: OpenOptions): ImportSource {
  const value = parseBounded(bytes, (problem) => {
    throw invalidFile(file, `it ${problem}.`);
  });
  const { version, precision, spec, vocabulary, parameters } = isObject(value) ? value : {};
  if (version !== 1)
    throw invalidFile(file, `it has version ${JSON.stringify(version)} of the format; this program reads 1.`);
  const list = isObject(spec) && Array.isArray(spec.layers) ? (spec.layers as unknown[]) : [];
  const layers = list.map((layer, i): ForeignLayer => {
    const { kind = 'unknown', hiddenSize, size = hiddenSize ?? '' } = isObject(layer) ? layer : {};
    return { name: `layers[${i}]`, kind: String(kind), size: String(size), problem: null };
  });
  return {
    format: FORMAT,
    layers,
    read(node) {
      if (node !== undefined) throw unknownNode(node, []);
      return {
        spec: spec as ModelSpec, // finishing the import checks it
        parameters: parametersOf(parameters, precision === 'float64', file),
        vocabulary: vocabularyOf(vocabulary, file),
        used: layers.map(({ name }) => name),
        notes: [],
      };
    },
  };
}
