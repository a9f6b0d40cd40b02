/** Looking inside a model on the command line. What it does is loaded when it is asked for. */
import type { Command } from './command.js';
import { OUTPUT_OPTIONS } from './output.js';

export const inspectCommand: Command = {
  name: 'inspect',
  summary: 'Looks inside a model while it reads: gates, gradients, what moves it. Writes a page of plots.',
  arguments: [{ name: 'MODEL', help: 'a model file or checkpoint' }],
  options: {
    text: { type: 'text', value: 'TEXT', help: 'what it reads; @FILE for the beginning of a text file' },
    csv: { type: 'text', value: 'FILE', help: 'numbers that it reads: a column an input, a header line above them' },
    steps: { type: 'integer', help: 'at most so many steps', standard: 120 },
    compare: { type: 'text', value: 'MODEL2', help: 'another model on the same, side by side' },
    out: { type: 'text', value: 'FILE', help: 'the page', standard: 'runs/inspect.html' },
    tables: { type: 'text', value: 'DIR', help: 'also every table as a CSV file' },
    svg: { type: 'text', value: 'DIR', help: 'also every plot as an SVG file' },
    png: { type: 'text', value: 'DIR', help: 'also every plot as a PNG file (needs @resvg/resvg-js)' },
    ...OUTPUT_OPTIONS,
  },
  examples: [
    { does: 'on a sentence', line: 'unspool inspect model.safetensors --text "Call me Ishmael."' },
    {
      does: 'two models on the beginning of a novel',
      line: 'unspool inspect a.safetensors --compare b.safetensors --text @novel.txt',
    },
    { does: 'every number, for programs', line: 'unspool inspect model.safetensors --text @novel.txt --json' },
  ],
  async run([file], options) {
    return (await import('./inspect/run.js')).inspect(file!, options);
  },
};
