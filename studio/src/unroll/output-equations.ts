/** The equations of the output layer and the loss with the numbers of one step, as lines of TeX. */
import { factor, sumOf, tex } from './numbers.js';
import type { Output, OutputRow } from './output.js';

/** A class by its name, if TeX shows it as it is, or by its index. */
const subscript = ({ name, index }: OutputRow): string =>
  /^[A-Za-z0-9]+$/.test(name) ? `\\text{${name}}` : `${index}`;

const NO_TARGET = '\\text{This step has no target, so its loss and its gradient are 0.}';
const NOT_READ = '\\text{The output layer reads the outputs of the last LSTM layer.}';

export function outputLines(output: Output): string[] {
  const { prediction, shown, terms } = output;
  const name = prediction === 'class' ? `z_{${subscript(shown)}}` : 'y';
  const value = `\\mathbf{${tex(shown.value)}}`;
  return terms ? [`${name} = ${sumOf(terms)} = ${value}`] : [`${name} = ${value}`, NOT_READ];
}

export function lossLines({ prediction, shown, rows, target, loss }: Output): string[] {
  if (prediction === 'number') {
    if (target === null) return [NO_TARGET];
    return [`L_t = (${tex(shown.value)} - ${factor(target)})^2 = \\mathbf{${tex(loss)}}`];
  }
  const k = subscript(shown);
  const total = rows.reduce((sum, { value }) => sum + Math.exp(value), 0);
  const p = tex(shown.probability!);
  const softmax = `p_{${k}} = \\dfrac{\\exp(${tex(shown.value)})}{${tex(total)}} = \\mathbf{${p}}`;
  return [softmax, target === null ? NO_TARGET : `L_t = -\\ln ${p} = \\mathbf{${tex(loss)}}`];
}

export function lossGradLines({ prediction, shown, rows, target, counted }: Output): string[] {
  if (target === null) return [NO_TARGET];
  const W = tex(counted);
  if (prediction === 'number')
    return [`dy = \\tfrac{2}{${W}}\\,(${tex(shown.value)} - ${factor(target)}) = \\mathbf{${tex(shown.grad)}}`];
  const other = rows.find((row) => row !== shown);
  const lineOf = (row: OutputRow): string =>
    `dz_{${subscript(row)}} = \\tfrac1{${W}}\\,(${tex(row.probability!)} - ${row.isTarget ? 1 : 0}) = \\mathbf{${tex(row.grad)}}`;
  return other ? [lineOf(shown), lineOf(other)] : [lineOf(shown)];
}

export function outputGradLines({ gradTerms }: Output, hFromAbove: number): string[] {
  if (!gradTerms) return [`dh_{\\text{above}} = \\mathbf{${tex(hFromAbove)}}`, NOT_READ];
  return [`dh_{\\text{above}} = ${sumOf(gradTerms)} = \\mathbf{${tex(hFromAbove)}}`];
}
