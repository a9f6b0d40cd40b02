/** Chapter 1: a text that is cut into streams and batches, and measurements that are standardized. */
import { createRng, textStreams } from 'unspool';
import { visible } from '../tasks/text.js';

const TEXT = 'so much depends upon a red wheel barrow glazed with rain water beside the white chickens';
const STREAMS = 3;
const STEPS = 7;
const MEASUREMENTS = 60;
/** The measurements before this one are used for training. */
const CUT = 45;

/** What one stream gives to a batch: one entry per time step. */
export interface StreamPart {
  readonly inputs: readonly string[];
  readonly tokens: readonly number[];
  readonly targets: readonly string[];
}

export interface DataLesson {
  /** The distinct characters; the index of a character is its token. */
  readonly vocabulary: readonly string[];
  readonly steps: number;
  /** The characters of each stream. */
  readonly streams: readonly (readonly string[])[];
  /** The batches in order, with a part for each stream. */
  readonly batches: readonly (readonly StreamPart[])[];
  readonly measurements: {
    readonly values: readonly number[];
    readonly standardized: readonly number[];
    /** The number of training values; the others are used for validation. */
    readonly cut: number;
    /** Of the training values. */
    readonly mean: number;
    readonly std: number;
  };
}

/** Temperatures over some days. */
function measure(): DataLesson['measurements'] {
  const random = createRng(1, 'measurements');
  const values = Array.from(
    { length: MEASUREMENTS },
    (_, t) => 14 + 6 * Math.sin((2 * Math.PI * t) / 15) + 1.2 * random.normal(),
  );
  const training = values.slice(0, CUT);
  const mean = training.reduce((sum, v) => sum + v, 0) / CUT;
  const std = Math.sqrt(training.reduce((sum, v) => sum + (v - mean) ** 2, 0) / CUT);
  return { values, standardized: values.map((v) => (v - mean) / std), cut: CUT, mean, std };
}

export function dataPreparation(): DataLesson {
  const { vocabulary, train } = textStreams(TEXT, { batchSize: STREAMS, steps: STEPS, validationSplit: 0 });
  const characters = vocabulary.characters.map(visible);
  const batches = Array.from({ length: train.length }, (_, k) => {
    const { inputs, targets } = train.batch(k);
    return Array.from({ length: STREAMS }, (_, n): StreamPart => {
      const tokensOf = (all: ArrayLike<number>) => Array.from({ length: STEPS }, (_, t) => all[t * STREAMS + n]!);
      const tokens = tokensOf(inputs);
      const targetTokens = tokensOf(targets as Int32Array);
      return { inputs: tokens.map((v) => characters[v]!), tokens, targets: targetTokens.map((v) => characters[v]!) };
    });
  });
  const streams = Array.from({ length: STREAMS }, (_, n) => batches.flatMap((parts) => parts[n]!.inputs));
  return { vocabulary: characters, steps: STEPS, streams, batches, measurements: measure() };
}
