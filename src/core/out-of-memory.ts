/** Where memory runs out: what was made on the way goes back, and the error says what to lower, in the model's numbers. */
import { UnspoolError } from '../errors.js';
import type { PassShape } from './layers/layer.js';
import type { ModelSpec } from './spec.js';

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
 * Runs `act`, which takes memory for a model of `spec`: for a pass of `shape`, or (null) an arena. An `OUT_OF_MEMORY` that
 * does not yet say what to lower says it afterwards.
 */
export function explained<T>(spec: ModelSpec, shape: PassShape | null, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof UnspoolError)) throw error;
    const { problem } = error;
    if (problem.code !== 'OUT_OF_MEMORY' || problem.help !== undefined) throw error;
    const lower = shape ? [`batchSize (${shape.batchSize})`, `steps (${shape.steps})`] : [];
    spec.layers.forEach((layer, i) => {
      if (layer.kind === 'lstm') lower.push(`layers[${i}].hiddenSize (${layer.hiddenSize})`);
    });
    const help = `Lower ${lower.join(' or ')}, and free tapes and arenas that you no longer need. estimateMemory() returns how much memory a training takes.`;
    throw new UnspoolError({ ...problem, help });
  }
}
