import { OUTPUT_OPTIONS } from '../output.js';
import { integer, text, type ValuesOf } from '../settings.js';

const FILES = { group: 'Files' } as const;

export const INSPECT_OPTIONS = {
  text: text({ placeholder: 'TEXT', help: 'the text to read; @FILE reads the beginning of a text file' }),
  csv: text({
    placeholder: 'FILE',
    help: 'the numbers to read, for a model without a vocabulary: a header line, then one column per input',
  }),
  steps: integer({ default: 120, min: 2, max: 5000, help: 'read at most N time steps' }),
  read: integer({
    min: 2,
    help: 'read N characters of the text to find what units track',
    defaultText: '20000, fewer if the model has over 2 million parameters',
  }),
  compare: text({ placeholder: 'MODEL2', help: 'another model to show next to this one, on the same input' }),
  out: text({ ...FILES, default: 'runs/inspect.html', placeholder: 'FILE', help: 'where to save the page' }),
  tables: text({ ...FILES, placeholder: 'DIR', help: 'also save every table as a CSV file' }),
  svg: text({ ...FILES, placeholder: 'DIR', help: 'also save every plot as an SVG file' }),
  png: text({ ...FILES, placeholder: 'DIR', help: 'also save every plot as a PNG file (needs @resvg/resvg-js)' }),
  ...OUTPUT_OPTIONS,
};

export type InspectOptions = ValuesOf<typeof INSPECT_OPTIONS>;
