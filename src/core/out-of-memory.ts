/** Handling of `OUT_OF_MEMORY`: frees what was allocated on the way, and adds to the error which settings to lower. */
import type { Kernels } from '../contract/kernels.js';
import { bytesText, UnspoolError } from '../errors.js';
import { heldOn } from './memory/census.js';
import type { PassShape } from './pass.js';
import type { ModelSpec } from './spec.js';

interface Freeable {
  free(): void;
}

/** Registers an object to be freed on an error, and returns it. */
export type Track = <M extends Freeable>(object: M) => M;

/** Runs `act`. If it throws, everything that it has tracked is freed. */
export function freeOnError<T>(act: (track: Track) => T): T {
  const tracked: Freeable[] = [];
  try {
    return act((one) => {
      tracked.push(one);
      return one;
    });
  } catch (error) {
    for (const one of tracked) one.free();
    throw error;
  }
}

/** What is alive on a backend, for people, the largest first: `3 streams (1 MiB), 1 model (20 KiB)`. */
export function aliveText(kernels: Kernels): string {
  return heldOn(kernels)
    .map(
      ({ what, count, bytes }) => `${count.toLocaleString('en')} ${what}${count > 1 ? 's' : ''} (${bytesText(bytes)})`,
    )
    .join(', ');
}

/** The part of a model that messages need. */
interface ModelOnBackend {
  readonly spec: ModelSpec;
  readonly kernels: Kernels;
}

/**
 * Runs `act`, which allocates memory for a model: for a pass of `shape`, or (null) for an arena. Adds a `help` to an
 * `OUT_OF_MEMORY` that has none.
 */
export function explained<T>({ spec, kernels }: ModelOnBackend, shape: PassShape | null, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof UnspoolError)) throw error;
    const { problem } = error;
    if (problem.code !== 'OUT_OF_MEMORY' || problem.help !== undefined) throw error;
    const lower = shape ? [`batchSize (${shape.batchSize})`, `steps (${shape.steps})`] : [];
    spec.layers.forEach((layer, i) => {
      if (layer.kind === 'lstm' && lower.length < 6) lower.push(`layers[${i}].hiddenSize (${layer.hiddenSize})`);
    });
    const alive = aliveText(kernels);
    const first = alive ? `Alive: ${alive}. Free what you no longer need with free() or dispose(), or lower` : 'Lower';
    const help = `${first} ${lower.join(' or ')}. estimateMemory() returns how much memory a training takes.`;
    throw new UnspoolError({ ...problem, help });
  }
}
