/** The inputs of a model: numbers of tokens, or scaled values. Fitted on the training part. */
import { isObject } from '../../checks.js';
import { invalidData } from '../../errors.js';
import { fitScaler, isScaler, type Scaler, scaled } from '../series/scaler.js';
import type { SequenceSettings } from './options.js';
import type { Sample } from './read.js';

/** What was fitted: the known tokens, or a scaler for each input. */
export interface FittedFeatures {
  /** The tokens that the training part has in several samples; token 0 is any other one. */
  readonly tokens: readonly string[];
  readonly scalers: readonly Scaler[];
}

/** Tokens in fewer samples of the training part than this are unknown, so that the model learns what an unknown token means. */
const MIN_SAMPLES = 2;

function tokensIn(samples: readonly Sample[]): string[] {
  const counts = new Map<string, number>();
  for (const { tokens } of samples)
    for (const token of new Set(tokens)) counts.set(token, (counts.get(token) ?? 0) + 1);
  return [...counts]
    .filter(([, count]) => count >= MIN_SAMPLES)
    .map(([token]) => token)
    .sort();
}

/** The width of a time step of numbers. */
const widthOf = ({ values, sequence }: SequenceSettings): number => (sequence === null ? 1 : values.length);

/** Fits on the samples of the training part. */
export function fitFeatures(train: readonly Sample[], settings: SequenceSettings, what: string): FittedFeatures {
  if (settings.values.length === 0) return { tokens: tokensIn(train), scalers: [] };
  const width = widthOf(settings);
  const scalers = Array.from({ length: width }, (_, column) => {
    const values = train.flatMap((sample) => Array.from(sample.values).filter((_, i) => i % width === column));
    const name = width === 1 ? settings.values.join('", "').slice(0, 60) : settings.values[column]!;
    return fitScaler(settings.scale, values, `${what}, column "${name}"`);
  });
  return { tokens: [], scalers };
}

/** Encodes samples as inputs of a model. */
export class Features implements FittedFeatures {
  readonly tokens: readonly string[];
  readonly scalers: readonly Scaler[];
  private readonly ids: ReadonlyMap<string, number>;

  constructor({ tokens, scalers }: FittedFeatures) {
    this.tokens = tokens;
    this.scalers = scalers;
    this.ids = new Map(tokens.map((token, i) => [token, i + 1]));
  }

  /** The number of different tokens, with the unknown one; null for values. */
  get tokenCount(): number | null {
    return this.scalers.length > 0 ? null : this.tokens.length + 1;
  }

  /** Numbers in one time step. */
  get width(): number {
    return Math.max(1, this.scalers.length);
  }

  /** Tokens [steps], or scaled values [steps, width]. Throws `INVALID_DATA` for a value that the logarithm does not allow. */
  encode({ tokens, values, place }: Sample): Float64Array {
    if (this.scalers.length === 0) return Float64Array.from(tokens, (token) => this.ids.get(token) ?? 0);
    return values.map((value, i) => {
      const number = scaled(this.scalers[i % this.width]!, value);
      if (Number.isFinite(number)) return number;
      throw invalidData(place, `has the value ${value}, which the scale "${this.scalers[0]!.kind}" does not allow.`);
    });
  }

  /** The tokens of a sample that the model does not know, each once. */
  unknownIn({ tokens }: Sample): string[] {
    return this.scalers.length > 0 ? [] : [...new Set(tokens)].filter((token) => !this.ids.has(token));
  }
}

/** Restores features from JSON; null for anything else. */
export function featuresFrom(data: unknown, settings: SequenceSettings): Features | null {
  if (!isObject(data) || !Array.isArray(data.tokens) || !Array.isArray(data.scalers)) return null;
  const [tokens, scalers] = [[...data.tokens], [...data.scalers]];
  const isComplete = settings.values.length === 0 ? scalers.length === 0 : scalers.length === widthOf(settings);
  if (!isComplete || !tokens.every((token) => typeof token === 'string') || !scalers.every(isScaler)) return null;
  return new Features({ tokens, scalers });
}
