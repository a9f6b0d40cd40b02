/** The files that are damaged: the fixtures of every format, and models of every layer and variant in every format. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createModel, parseModel, serializeModel, Vocabulary } from '../../../dist/index.js';
import { toJson, toKeras, toOnnx, toPytorch } from '../../../dist/interop/index.js';

const TEST = fileURLToPath(new URL('../..', import.meta.url));
const FOLDERS = ['interop/pytorch', 'interop/onnx', 'interop/keras', 'fixtures/version-0.1'];
const MODEL = /\.(pt|safetensors|onnx|keras|h5|npz)$|model\.json$|weights_manifest\.json$/;
const SHARD = /\/group1-shard[^/]*$/;

const linear = { kind: 'linear', size: 3 };
const SPECS = {
  plain: { inputSize: 2, layers: [{ kind: 'lstm', hiddenSize: 3, bias: 'single' }, linear] },
  text: { layers: [{ kind: 'embedding', size: 3, width: 2 }, { kind: 'lstm', hiddenSize: 2, bias: 'single' }, linear] },
  variants: {
    inputSize: 2,
    layers: [
      { kind: 'lstm', hiddenSize: 3, direction: 'bidirectional', cell: { peepholes: true, gates: 'coupled' } },
      { kind: 'lstm', hiddenSize: 3, projectionSize: 2, initialState: 'learned', cell: { layerNorm: true, clip: 2 } },
      { kind: 'lstm', hiddenSize: 2, returns: 'last', zoneout: { h: 0.1, c: 0.1 } },
      { kind: 'repeat', steps: 2 },
      linear,
    ],
  },
};

const read = (path) => new Uint8Array(readFileSync(path));
const attempt = (make) => {
  try {
    return make();
  } catch (error) {
    if (error.code === undefined) throw error;
    return null; // the format cannot express the model
  }
};

async function ownFiles() {
  const files = [];
  for (const [name, spec] of Object.entries(SPECS)) {
    const vocabulary = name === 'text' ? new Vocabulary(['a', 'b', '\n']) : null;
    const bytes = await serializeModel(await createModel(spec, { backend: 'reference' }), { vocabulary });
    const parsed = parseModel(bytes);
    const formats = {
      safetensors: bytes,
      json: attempt(() => new TextEncoder().encode(toJson(parsed))),
      onnx: attempt(() => toOnnx(parsed)),
      keras: attempt(() => toKeras(parsed)),
      'pytorch.safetensors': attempt(() => toPytorch(parsed).weights),
    };
    for (const [ending, content] of Object.entries(formats)) {
      if (content) files.push({ name: `${name}.${ending}`, bytes: content, parts: new Map() });
    }
  }
  return files;
}

/** All files with the bytes of the shards that they name, in a fixed order. */
export async function allFiles() {
  const found = FOLDERS.flatMap((folder) =>
    readdirSync(join(TEST, folder), { recursive: true })
      .map((at) => join(folder, at))
      .filter((name) => MODEL.test(name))
      .sort(),
  );
  const fixtures = found.map((name) => {
    const folder = join(TEST, dirname(name));
    const shards = name.endsWith('.json') ? readdirSync(folder).filter((shard) => SHARD.test(`/${shard}`)) : [];
    const parts = new Map(shards.map((shard) => [basename(shard), read(join(folder, shard))]));
    return { name, bytes: read(join(TEST, name)), parts };
  });
  return [...fixtures, ...(await ownFiles())];
}
