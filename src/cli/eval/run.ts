/** `unspool eval`: measures a model. */
import { bitsPerCharacter, ClassificationMetrics, evaluate, perplexity, validationStreams } from '../../index.js';
import { loadModel, readText } from '../../node/index.js';
import { UsageError } from '../command.js';
import { evaluateLabeler } from '../labels/evaluate.js';
import { labelerIn } from '../labels/load.js';
import { createOutput, grouped, type OutputFlags } from '../output.js';
import { requireVocabulary, withDataName } from '../text-model.js';
import { DEFAULTS } from '../train/settings.js';

interface EvalOptions extends OutputFlags {
  readonly validationSplit: number;
  readonly batchSize: number;
}

const percent = (fraction: number): string => `${(100 * fraction).toFixed(1)} %`;

/** Prints the measures. Returns the exit code. */
export async function runEval([file, textFile]: readonly string[], options: EvalOptions): Promise<number> {
  const out = createOutput(options);
  const loaded = await loadModel(file!);
  const labeler = labelerIn(loaded);
  if (labeler) {
    await evaluateLabeler(labeler, { model: file!, file: textFile }, out);
    return 0;
  }
  if (textFile === undefined) throw new UsageError('missing FILE: a UTF-8 text file.');
  const vocabulary = requireVocabulary(file!, loaded);
  const text = await readText(textFile);
  const tokens = withDataName(textFile, () => vocabulary.encode(text));
  const part = tokens.subarray(Math.floor(tokens.length * (1 - options.validationSplit)));
  const source = withDataName(textFile, () => validationStreams(part, options.batchSize, DEFAULTS.steps));
  const metrics = new ClassificationMetrics(loaded.model.outputSize, { topK: 5 });
  const loss = await evaluate(loaded.model, source, 'crossEntropy', (logits, { targets }) =>
    metrics.add(logits, targets),
  );
  const result = {
    loss,
    perplexity: perplexity(loss),
    bitsPerCharacter: bitsPerCharacter(loss),
    accuracy: metrics.accuracy,
    top5Accuracy: metrics.topKAccuracy,
    characters: source.predictions,
  };
  out.record({ kind: 'eval', ...result });
  out.print(`loss                ${loss.toFixed(4)} nats per character`);
  out.print(`perplexity          ${result.perplexity.toFixed(3)}`);
  out.print(`bits per character  ${result.bitsPerCharacter.toFixed(4)}`);
  out.print(`accuracy            ${percent(result.accuracy)}`);
  out.print(`top-5 accuracy      ${percent(result.top5Accuracy)}`);
  out.print(`characters          ${grouped(result.characters)} predicted`);
  return 0;
}
