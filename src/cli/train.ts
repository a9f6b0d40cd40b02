import { createHash } from 'node:crypto';
import { invalidData } from '../errors.js';
import {
  bitsPerCharacter,
  createRng,
  type Facts,
  fit,
  generate,
  type KeptTraining,
  type Model,
  type PassShape,
  type TextData,
  type Training,
  type TrainingEvent,
  TrainingSnapshots,
  type TrainingState,
  textStreams,
  UnspoolError,
} from '../index.js';
import { lockFile, readText, revectorize, saveModel } from '../node/index.js';
import { type Checkpoint, Checkpoints, checkpointFile, isAbout, requireFree } from './checkpoints.js';
import { type Command, type OptionValues, UsageError } from './command.js';
import { naming } from './naming.js';
import { clock, createOutput, grouped, OUTPUT_OPTIONS, type Output } from './output.js';
import { Progress } from './progress.js';
import { stopOnSignal } from './signals.js';
import { fastestAgain, modelAgain, newModel } from './train-backend.js';
import { comparison } from './train-report.js';
import {
  fitOptionsOf,
  languageModelSpec,
  readSettings,
  resumedSettings,
  TRAIN_OPTIONS,
  type TrainSettings,
} from './train-settings.js';

/** Everything that one run of the command needs. */
interface Run {
  readonly out: Output;
  readonly settings: TrainSettings;
  readonly textFile: string;
  readonly textHash: string;
  readonly text: TextData;
  readonly model: Model;
  readonly resumed: (Checkpoint & { readonly training: TrainingState }) | null;
  /** Where the model is saved. */
  readonly file: string;
}

export const trainCommand: Command = {
  name: 'train',
  summary: 'Trains a character-level LSTM language model on a text.',
  arguments: [{ name: '[TEXT]', help: 'a UTF-8 text file; with --resume, the one of the checkpoint' }],
  options: {
    ...TRAIN_OPTIONS,
    config: { type: 'text', value: 'FILE', help: 'JSON of the settings above; flags come first' },
    out: { type: 'text', value: 'FILE', help: 'where to save the model', standard: 'model.safetensors' },
    backend: {
      type: 'text',
      value: 'NAME',
      help: 'wasm, reference, gpu, ... (docs/gpu.md); auto measures them',
      standard: 'wasm',
    },
    threads: { type: 'integer', help: 'that share the work; the result is the same', standard: 'one a core, up to 4' },
    force: { type: 'flag', help: 'overwrite a model that is there' },
    resume: { type: 'text', value: 'FILE', help: 'go on from a checkpoint, bit for bit' },
    ...OUTPUT_OPTIONS,
  },
  examples: [
    { does: 'a first model', line: 'unspool train novel.txt --out novel.safetensors' },
    { does: 'a larger one', line: 'unspool train novel.txt --hidden 256 --layers 2 --epochs 5 --lr 0.003' },
    { does: 'go on after Ctrl-C or a crash', line: 'unspool train --resume novel.checkpoint.safetensors' },
    { does: 'train on for longer', line: 'unspool train --resume novel.checkpoint.safetensors --epochs 10' },
  ],
  async run(args, options) {
    const run = options.resume === undefined ? await begin(args, options) : await resume(args, options);
    const unlock = await lockFile(run.file);
    try {
      return await train(run);
    } finally {
      await unlock();
    }
  },
};

const shapeOf = ({ steps, batchSize }: TrainSettings): PassShape => ({ steps, batchSize });

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

async function begin([textFile]: readonly string[], options: OptionValues): Promise<Run> {
  if (textFile === undefined) throw new UsageError('TEXT is missing: a UTF-8 text file, or --resume FILE');
  const out = createOutput(options);
  const settings = await readSettings(options);
  const file = (options.out as string | undefined) ?? 'model.safetensors';
  if (!options.force) await requireFree(file, checkpointFile(file));
  const content = await readText(textFile);
  const text = naming(textFile, () => textStreams(content, settings));
  if (settings.precision === 'float32') await revectorize();
  const spec = await languageModelSpec(settings, text.vocabulary.size);
  const model = await newModel(spec, settings.precision, shapeOf(settings), options);
  return { out, settings, textFile, textHash: hashOf(content), text, model, resumed: null, file };
}

async function resume(args: readonly string[], options: OptionValues): Promise<Run> {
  const checkpoint = options.resume as string;
  const file = (options.out as string | undefined) ?? checkpoint.replace(/\.checkpoint\.safetensors$/, '.safetensors');
  if (file === checkpoint) throw new UsageError('--out is missing: where to save the model, besides the checkpoint');
  if (options.out !== undefined && !options.force) await requireFree(file);
  await revectorize();
  const loaded = await modelAgain(checkpoint, options);
  const { metadata, training, vocabulary } = loaded;
  if (!training || !vocabulary || typeof metadata.text !== 'string' || typeof metadata.settings !== 'object') {
    throw new UnspoolError({
      code: 'INVALID_FILE',
      file: checkpoint,
      problem: 'this is a finished model and holds no training state to go on from.',
      help: 'Resume from the file that ends in .checkpoint.safetensors.',
    });
  }
  const settings = resumedSettings(metadata, options);
  const textFile = args[0] ?? metadata.text;
  const content = await readText(textFile);
  const textHash = hashOf(content);
  if (textHash !== metadata.textSha256) {
    throw invalidData(
      textFile,
      'this is not the text that the checkpoint was trained on.',
      `Name that text: unspool train TEXT --resume ${checkpoint}`,
    );
  }
  const text = naming(textFile, () => textStreams(content, { ...settings, vocabulary }));
  const resumed = { file: checkpoint, step: training.update, training };
  const out = createOutput(options);
  const model = await fastestAgain(loaded, checkpoint, shapeOf(settings), options);
  const now = arithmeticOf(model);
  if (metadata.arithmetic !== now) {
    out.warn(`${checkpoint} was computed by ${metadata.arithmetic}, this is ${now}: the last digits will differ.`);
  }
  return { out, settings, textFile, textHash, text, model, resumed, file };
}

async function train(run: Run): Promise<number> {
  const { out, settings, model, text, file } = run;
  const stop = new AbortController();
  const options = { ...(await fitOptionsOf(settings)), signal: stop.signal };
  const training = fit(model, text, options, run.resumed?.training);
  const isAway = model.kernels.host(model.parameters.matrix) === null;
  const safe = isAway ? new TrainingSnapshots(model, training) : null;
  const checkpoints = new Checkpoints(checkpointFile(file), (to) => saveCheckpoint(to, run, training), run.resumed);
  introduce(run, training);
  const release = stopOnSignal(stop);
  const started = performance.now();
  try {
    const reason = await follow(run, safe ?? training, checkpoints);
    if (reason === 'aborted') return await interrupted(out, checkpoints);
    await finish(run, training, checkpoints, (performance.now() - started) / 1000);
    return 0;
  } catch (error) {
    const isGone = isAbout(error, 'DEVICE_LOST') || isAbout(error, 'OUT_OF_MEMORY');
    if (isGone && safe?.lastSnapshot) await rescue(run, safe.lastSnapshot, checkpoints);
    throw checkpoints.explain(error);
  } finally {
    release();
  }
}

/** What went with the device is written from the copy on this side. */
async function rescue(run: Run, { parameters, state }: KeptTraining, checkpoints: Checkpoints): Promise<void> {
  const { model, text } = run;
  const { layout } = model.parameters;
  await checkpoints.rescue(state.update, async (to) => {
    const copy = { spec: model.spec, parameters: { layout, download: async () => new Map(parameters) } };
    await saveModel(to, copy, { vocabulary: text.vocabulary, metadata: factsOf(run), training: state });
  });
}

async function finish(run: Run, training: Training, checkpoints: Checkpoints, seconds: number): Promise<void> {
  const { out, model, text, file } = run;
  const failure = await checkpoints.attempt();
  if (failure) out.warn(failure.message); // the model is smaller: it may fit all the same
  const validationLoss = await training.validate();
  const { update } = await training.checkpoint();
  const metadata = {
    ...factsOf(run),
    updates: update,
    validationLoss,
    validationBitsPerCharacter: validationLoss && bitsPerCharacter(validationLoss),
  };
  await saveModel(file, model, { vocabulary: text.vocabulary, metadata });
  const { table, json } = comparison(text, validationLoss);
  out.record({ kind: 'result', ...metadata, seconds, file, ...json });
  out.say(`\n${grouped(update)} updates in ${clock(seconds)}.`);
  out.say(table);
  out.say(`\nThe model writes:\n\n${await writeSome(run, 300)}\n`);
  out.say(`Saved ${file}. More of it:\n  npx unspool sample ${file}`);
}

function introduce({ out, settings, model, text, textFile, resumed, file }: Run, training: Training): void {
  const { train, validation, vocabulary } = text;
  const heldOutCharacters = validation?.tokens.length ?? 0;
  out.record({ kind: 'start', text: textFile, parameters: model.size, updates: training.updates, file, settings });
  out.say(
    `${textFile}: ${grouped(train.tokens.length)} characters, ${grouped(heldOutCharacters)} more held out, ` +
      `${vocabulary.size} different.`,
  );
  const layers = `${settings.layers} LSTM layer${settings.layers > 1 ? 's' : ''} of ${settings.hidden}`;
  out.say(`${layers}, ${grouped(model.size)} parameters; ${settings.precision} on ${backendName(model)}.`);
  for (const { backend, stepMs: step, problem } of model.measured ?? []) {
    out.say(problem === null ? `  measured: ${backend}, ${step.toFixed(2)} ms an update` : `  not there: ${problem}`);
  }
  out.say(`${grouped(training.updates)} updates planned.`);
  const at = resumed?.training;
  if (at) out.say(`Going on after update ${grouped(at.update)}.`);
}

const backendName = ({ kernels: { name, variant } }: Model): string => `${name}${variant ? ` (${variant})` : ''}`;

/** Shows what happens until the training ends; returns why it did. */
async function follow(run: Run, training: AsyncIterable<TrainingEvent>, checkpoints: Checkpoints): Promise<string> {
  const { out, settings } = run;
  const progress = new Progress(out, settings.epochs);
  const { checkpointEvery } = settings;
  let reason = '';
  try {
    for await (const event of training) {
      if (event.kind === 'update') progress.step(event);
      else progress.clear();
      out.record(event);
      if (event.kind === 'validation') await showValidation(run, event);
      if (event.kind === 'end') reason = event.reason;
      if (event.kind === 'update' && checkpointEvery > 0 && event.update % checkpointEvery === 0) {
        await checkpoints.saveOrWarn((text) => {
          progress.clear();
          out.warn(text);
        });
      }
    }
  } finally {
    progress.clear();
  }
  return reason;
}

async function showValidation(run: Run, event: Extract<TrainingEvent, { kind: 'validation' }>): Promise<void> {
  const { out } = run;
  if (out.json || out.quiet) return;
  out.say(
    `update ${grouped(event.update)}: held out ${bitsPerCharacter(event.loss).toFixed(3)} bits per character; it writes`,
  );
  const line = (await writeSome(run, 150)).trim().replace(/\s+/g, ' ');
  out.say(`  ${line.slice(0, (process.stdout.columns || 100) - 4)}`);
}

async function writeSome({ model, text, settings }: Run, length: number): Promise<string> {
  const { vocabulary } = text;
  const prompt = vocabulary.unknownIn('\n').length ? vocabulary.characters[0]! : '\n';
  const rng = createRng(settings.seed, 'sample');
  const tokens = generate(model, vocabulary.encode(prompt), rng, { temperature: 0.7 });
  const ids: number[] = [];
  for (let i = 0; i < length; i++) ids.push((await tokens.next()).value as number);
  await tokens.return();
  return vocabulary.decode(ids);
}

const factsOf = ({ textFile, textHash, settings, model }: Run): Facts => ({
  text: textFile,
  textSha256: textHash,
  settings: settings as unknown as Facts,
  arithmetic: arithmeticOf(model),
});

/** What the last digits of a training depend on, besides its settings: where each product is rounded before it is added. */
const arithmeticOf = ({ kernels: { name, variant } }: Model): string =>
  variant === 'relaxed' || variant === 'revec' ? `${name}, fused multiply-add` : name;

/** Returns the updates behind it. */
async function saveCheckpoint(file: string, run: Run, training: Training): Promise<number> {
  const state = await training.checkpoint();
  await saveModel(file, run.model, { vocabulary: run.text.vocabulary, metadata: factsOf(run), training: state });
  return state.update;
}

async function interrupted(out: Output, checkpoints: Checkpoints): Promise<number> {
  await checkpoints.save();
  const { file } = checkpoints;
  out.record({ kind: 'interrupted', checkpoint: file });
  out.say(`Interrupted; nothing is lost. Go on with:\n  npx unspool train --resume ${file}`);
  return 1;
}
