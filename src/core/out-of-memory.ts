/** Where memory runs out: what was made on the way goes back, and the error says what to lower, in the model's numbers. */
import { bytesText, UnspoolError } from '../errors.js';
import type { Kernels } from './kernels.js';
import type { PassShape } from './layer.js';
import { passBytes } from './pass-memory.js';
import type { LayerSpec, ModelSpec } from './spec.js';

interface Freeable {
  free(): void;
}

/** Takes note of what was made, and hands it on. */
export type Made = <M extends Freeable>(made: M) => M;

/** Runs `act`; where it fails, all that it has handed to `mine` is freed. */
export function freeing<T>(act: (mine: Made) => T): T {
  const made: Freeable[] = [];
  try {
    return act((one) => {
      made.push(one);
      return one;
    });
  } catch (error) {
    for (const one of made) one.free();
    throw error;
  }
}

/**
 * Runs `act`, which lays memory for a model of `spec`: for passes of a shape, or (null) an arena of parameters. An
 * `OUT_OF_MEMORY` that does not yet say what to lower says it afterwards.
 */
export function explained<T>(
  spec: ModelSpec,
  pass: { readonly kernels: Kernels; readonly shape: PassShape } | null,
  act: () => T,
): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof UnspoolError)) throw error;
    const { problem } = error;
    if (problem.code !== 'OUT_OF_MEMORY' || problem.help !== undefined) throw error;
    const help = pass ? ofPass(spec, pass.kernels, pass.shape) : ofArena(spec);
    throw new UnspoolError({ ...problem, help });
  }
}

function ofPass(spec: ModelSpec, kernels: Kernels, { steps, rows }: PassShape): string {
  const { step, before } = passBytes(kernels, spec, { steps: 2, rows });
  const [each, first] = [step, Math.max(0, before - step)].map(bytesText);
  const counts = [rows > 1 ? `rows (the batch, ${rows})` : '', steps > 1 ? `steps (${steps})` : ''];
  const lower = [...counts.filter((count) => count !== ''), ...sizes(spec)];
  return (
    `With gradients, a pass takes ${first}, and ${each} a time step of ${rows} row${rows > 1 ? 's' : ''}: ` +
    `lower ${oneOf(lower)}. Tapes and arenas that are done with give their memory back with free().`
  );
}

const ofArena = (spec: ModelSpec): string =>
  `Parameters, gradients and each part of an optimizer's state take as much: lower ${oneOf(sizes(spec))}.`;

const oneOf = (list: readonly string[]): string =>
  list.length > 1 ? `${list.slice(0, -1).join(', ')} or ${list.at(-1)}` : list.join();

/** The settings that make layers large, largest first, three at most; the width of the data is none of them. */
function sizes({ layers }: ModelSpec): string[] {
  const given = (layer: LayerSpec, key: string): number | undefined =>
    (layer as unknown as Readonly<Record<string, number | undefined>>)[key];
  const found = layers.flatMap((layer, i) =>
    [...SIZES, ...(i < layers.length - 1 && layer.kind === 'linear' ? ['size'] : [])].flatMap((key) => {
      const value = given(layer, key);
      return value === undefined ? [] : [{ path: `layers[${i}].${key}`, value }];
    }),
  );
  const largest = found.sort((a, b) => b.value - a.value).slice(0, 3);
  return largest.map(({ path, value }) => `${path} (${value})`);
}

const SIZES = ['hiddenSize', 'projectionSize', 'width'];
