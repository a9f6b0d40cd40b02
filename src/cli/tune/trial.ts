/** One trial of a study of language models: a training without files, whose validation loss is the value. */
import { textStreams } from '../../index.js';
import type { TrialContext } from '../../tune/search.js';
import { type BackendFlags, newModel } from '../train/backend.js';
import { BestWeights } from '../train/best.js';
import { fitText } from '../train/fit-text.js';
import { languageModelSpec } from '../train/language-model.js';
import type { TrainSettings } from '../train/settings.js';
import { shapeOf, streamsOf } from '../train/start.js';

export interface TrialOrder extends BackendFlags {
  readonly settings: TrainSettings;
  readonly text: string;
}

/**
 * Trains, and reports the validation loss after each share of the planned updates in `rungs`. Returns the validation loss that `unspool
 * train` with these settings ends with, or the last one that was reported if the trial is to stop.
 */
export async function trainTrial(
  { settings, text: content, ...machine }: TrialOrder,
  { rungs, report }: Pick<TrialContext, 'rungs' | 'report'>,
): Promise<number> {
  const text = textStreams(content, streamsOf(settings));
  const spec = await languageModelSpec(settings, text.vocabulary.size);
  const model = await newModel(spec, settings.precision, shapeOf(settings), machine);
  try {
    const training = await fitText(model, text, settings);
    const best = new BestWeights(null);
    let reported = 0;
    for await (const event of training) {
      best.observe(event);
      if (event.kind !== 'update') continue;
      while (reported < rungs.length && event.update >= Math.ceil(rungs[reported]! * event.updates)) {
        const loss = (await training.validate())!;
        reported++;
        if (!(await report(loss))) return loss;
      }
    }
    if (settings.keep === 'best') await best.settle(model, text, training);
    return (await training.validate())!;
  } finally {
    model.dispose();
  }
}
