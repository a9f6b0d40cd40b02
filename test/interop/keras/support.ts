/** Files of the fixtures, and changed ones. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const FIXTURES = join(import.meta.dirname, 'fixtures');

export const fixture = (path: string): Uint8Array => new Uint8Array(readFileSync(join(FIXTURES, path)));
export const fixtureJson = <T>(path: string): T => JSON.parse(readFileSync(join(FIXTURES, path), 'utf8')) as T;

/** Reads shards from the folder of a fixture. */
export const partOf = (path: string) => async (shard: string) => fixture(join(path, '..', shard));

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A layer of a TensorFlow.js model: its class and config, with the shapes of its weights. */
export interface GivenLayer {
  readonly kind: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly weights?: Readonly<Record<string, readonly number[]>>;
  readonly more?: Readonly<Record<string, unknown>>;
}

const LSTM_CONFIG = { activation: 'tanh', recurrent_activation: 'sigmoid', use_bias: true, return_sequences: true };

/** An LSTM layer over 3 inputs. */
export const lstmLayer = (config: object = {}): GivenLayer => ({
  kind: 'LSTM',
  config: { name: 'lstm', units: 2, ...LSTM_CONFIG, ...config },
  weights: { kernel: [3, 8], recurrent_kernel: [2, 8], bias: [8] },
});

/** A TensorFlow.js model of layers, whose weights are numbers from 0 to 1 in one shard. `version` is its keras_version. */
export function tfjsModel(layers: readonly GivenLayer[], version: string | null = 'tfjs-layers 4.22.0') {
  const specs = layers.flatMap(({ config, weights = {} }) =>
    Object.entries(weights).map(([name, shape]) => ({
      name: `${String(config.name)}/${name}`,
      shape,
      dtype: 'float32',
    })),
  );
  const count = specs.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const shard = new Uint8Array(Float32Array.from({ length: count }, (_, i) => (i % 7) / 7).buffer);
  const described = layers.map(({ kind, config, more }) => ({ class_name: kind, config, ...more }));
  const modelTopology = {
    class_name: 'Sequential',
    config: { layers: described },
    ...(version !== null && { keras_version: version }),
  };
  const weightsManifest = [{ paths: ['shard.bin'], weights: specs }];
  return { bytes: utf8(JSON.stringify({ modelTopology, weightsManifest })), part: async () => shard };
}
