import { OUTPUT_OPTIONS } from '../output.js';
import { integer, number, text, type ValuesOf } from '../settings.js';

/** The options of `unspool sample`. */
export const SAMPLE_OPTIONS = {
  prompt: text({
    placeholder: 'TEXT',
    help: 'the beginning of the text',
    defaultText: 'none; continues a piece of the training text, which is not printed',
  }),
  length: integer({ default: 500, min: 0, help: 'number of characters to write' }),
  temperature: number({
    default: 0.8,
    min: 0,
    placeholder: 'X',
    help: 'below 1 more predictable, above 1 more varied, 0 always the most likely character',
  }),
  topK: integer({ min: 1, help: 'sample only from the N most likely characters', defaultText: 'all' }),
  topP: number({
    min: 0.000001,
    max: 1,
    placeholder: 'P',
    help: 'sample only from the most likely characters that together have this probability',
    defaultText: '1: all',
  }),
  repetitionPenalty: number({
    min: 1,
    placeholder: 'X',
    help: 'above 1, characters of the last --repetition-window are less likely',
    defaultText: '1',
  }),
  repetitionWindow: integer({ default: 64, min: 1, help: 'number of characters that the penalty applies to' }),
  stop: text({
    placeholder: 'TEXT',
    help: 'end before this text; several as a JSON list: \'["\\n\\n", "THE END"]\'',
    defaultText: 'none',
  }),
  beams: integer({
    min: 1,
    max: 1024,
    help: 'beam search: the likeliest text that N beams find; temperature and seed have no effect',
    defaultText: 'none: draws characters',
  }),
  seed: integer({ default: 1, min: 0, help: 'random seed; another seed gives another text' }),
  ...OUTPUT_OPTIONS,
};

export type SampleOptions = ValuesOf<typeof SAMPLE_OPTIONS>;
