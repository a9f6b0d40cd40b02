/** The process that opens the files. ../fuzz.mjs starts it, watches its time and memory, and starts another if it must end. */
import { openSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import { deserializeModel, UnspoolError } from '../../../dist/index.js';
import { loadModel } from '../../../dist/infer/index.js';
import { loadModel as loadSimd } from '../../../dist/infer/simd.js';
import { importContents, importModel, onnxTensors } from '../../../dist/interop/index.js';
import { createRandom } from '../../exports/mutate.mjs';
import { damaged } from './damage.mjs';
import { allFiles } from './files.mjs';

/** A file may take so many seconds of processor time, and its message so many characters. */
const [SLOW, LONG] = [2, 5000];
const CODES = ['INVALID_FILE', 'INVALID_SETTING', 'OUT_OF_MEMORY'];

const settings = JSON.parse(process.argv[2]);
const only = settings.only && new RegExp(settings.only);
const files = (await allFiles()).filter(({ name }) => !only || only.test(name));
const status = openSync(settings.status, 'w');
process.on('disconnect', () => process.exit());
let late = null;
process.on('unhandledRejection', (error) => (late = error));
process.on('uncaughtException', (error) => (late = error));

/** Opens a file in each way that a program can. Each is a name and a call that returns whether the file is still a model. */
function openings({ name, bytes, parts }, random) {
  const part = async (path) =>
    parts.get(basename(path)) ?? Promise.reject(new UnspoolError({ code: 'FILE_ACCESS', message: path }));
  const node = random.below(4) === 0 ? { node: random.pick(['lstm', 'lstm_0_Y', 'head', '__proto__', '']) } : {};
  const options = { file: name, part };
  const own = [
    ['deserializeModel', async () => (await deserializeModel(bytes, { backend: 'reference' }, name)).model.dispose()],
    ['infer.loadModel', () => loadModel(bytes).initialState()],
    ['infer.simd.loadModel', () => loadSimd(bytes).initialState()],
  ];
  const foreign = [
    ['importContents', () => importContents(bytes, options)],
    ['importModel', () => importModel(bytes, { ...options, ...node })],
    ['onnxTensors', () => onnxTensors(bytes)],
  ];
  const which = name.endsWith('.safetensors') ? [...own, ...foreign.slice(0, 2)] : foreign;
  return name.endsWith('.onnx') ? which : which.filter(([title]) => title !== 'onnxTensors');
}

const isFine = (error) =>
  error?.name === 'UnspoolError' && [...CODES, 'FILE_ACCESS'].includes(error.code) && error.message.length < LONG;

/** Opens file number `index`. Returns whether some call took it as a model. */
async function attempt(index) {
  const random = createRandom(Math.imul(settings.seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  const file = damaged(random.pick(files), random, random.pick(files));
  let isModel = false;
  for (const [title, open] of openings(file, random)) {
    writeSync(status, `${index}\n${title} ${file.name}`.padEnd(200), 0);
    const before = process.cpuUsage();
    let problem = null;
    try {
      await open();
      isModel = true;
    } catch (error) {
      if (!isFine(error)) problem = error;
    }
    if (late) [problem, late] = [late, null];
    const { user, system } = process.cpuUsage(before);
    if ((user + system) / 1e6 > SLOW) problem ??= new Error(`takes ${((user + system) / 1e6).toFixed(1)} s`);
    if (problem)
      process.send({
        kind: 'finding',
        index,
        what: `${title} ${file.name}`,
        stack: String(problem?.stack ?? problem).slice(0, 1500),
      });
  }
  return isModel;
}

const end = Date.now() + settings.seconds * 1000;
const models = [];
let index = settings.first;
for (; Date.now() < end && index < settings.last; index++) if (await attempt(index)) models.push(index);
process.send({ kind: 'done', index, models: models.length }, () => process.exit(0));
