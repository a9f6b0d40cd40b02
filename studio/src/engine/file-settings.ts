/** The settings of a model file: its sizes, and how it was trained, as far as the file describes it. */
import type { ModelFile, ModelSpec } from 'unspool';
import { fromQuery, PRESETS, type Settings } from '../settings.js';

/** The preset over a file of the repository's `data` folder that the command line was given. */
const PRESET_OF_TEXT: Readonly<Record<string, Settings['preset']>> = { 'moby-dick.txt': 'novel' };

type Values = Readonly<Record<string, unknown>>;

const objectOf = (value: unknown): Values => (value !== null && typeof value === 'object' ? (value as Values) : {});

function presetOf({ preset, text }: Values, current: Settings['preset']): Settings['preset'] {
  const saved = PRESETS.find((one) => one === preset && one !== 'own');
  const fileName = typeof text === 'string' ? text.split(/[\\/]/).at(-1)! : '';
  return saved ?? PRESET_OF_TEXT[fileName] ?? current;
}

function cellOf(layer: ModelSpec['layers'][number] | undefined): Settings['cell'] {
  if (layer?.kind !== 'lstm' || !layer.cell) return 'standard';
  const { gates, peepholes, layerNorm } = layer.cell;
  if (gates === 'coupled') return 'coupled';
  if (peepholes) return 'peepholes';
  return layerNorm ? 'layerNorm' : 'standard';
}

/** What the file does not say is as in `current`; what is out of the page's limits is as in the preset. */
export function settingsOfFile({ spec, metadata }: Pick<ModelFile, 'spec' | 'metadata'>, current: Settings): Settings {
  const saved = objectOf(metadata.settings);
  const lstm = spec.layers.filter((layer) => layer.kind === 'lstm');
  const values: Values = {
    ...current,
    preset: presetOf(metadata, current.preset),
    layers: lstm.length,
    units: lstm[0]?.kind === 'lstm' ? lstm[0].hiddenSize : undefined,
    cell: cellOf(lstm[0]),
    batchSize: saved.batchSize,
    steps: saved.steps,
    optimizer: saved.optimizer,
    learningRate: saved.learningRate ?? saved.lr,
  };
  const known = Object.entries(values).map(([name, value]) => [name, String(value ?? current[name as keyof Settings])]);
  return fromQuery(new URLSearchParams(known).toString()).settings;
}
