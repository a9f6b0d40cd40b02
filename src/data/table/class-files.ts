/** Text files with one class each, and one sample per line, as a table. */
import { isObject, requireKeys, requireOptional, requireOptions, shown } from '../../checks.js';
import { invalidData } from '../../errors.js';
import { Table } from './table.js';

/** The text of one file. */
export interface ClassFile {
  /** The class of all its lines. */
  readonly label: string;
  readonly text: string;
  /** The name of the file in messages. Default: the label. */
  readonly name?: string;
}

/**
 * Reads texts with one sample per line as a table with the columns `text` and `label`. Blank lines are skipped. Throws `INVALID_DATA`
 * for a class without a sample.
 *
 * @example
 * const table = parseClassFiles([{ label: 'male', text: 'Adam\nBert' }, { label: 'female', text: 'Cora\nDina' }]);
 * const data = classification(table, { text: 'text', label: 'label' });
 */
export function parseClassFiles(classes: readonly ClassFile[], options: { readonly name?: string } = {}): Table {
  if (!Array.isArray(classes) || classes.length === 0) {
    throw invalidData('classes', `must be a list of { label, text }, got ${shown(classes)}.`);
  }
  requireOptions('options', options, ['name']);
  const { name = 'classes' } = options;
  requireOptional('options.name', name, 'string');
  const [texts, labels, lines, files]: [string[], string[], number[], string[]] = [[], [], [], []];
  for (const [i, one] of [...classes].entries()) {
    if (!isObject(one) || typeof one.label !== 'string' || typeof one.text !== 'string' || one.label.trim() === '') {
      throw invalidData(`classes[${i}]`, 'must be { label, text } with two strings.');
    }
    requireKeys(`classes[${i}]`, one, ['label', 'text', 'name']);
    const file = typeof one.name === 'string' ? one.name : one.label;
    const before = texts.length;
    one.text
      .replace(/^\ufeff/, '')
      .split(/\r\n|\r|\n/)
      .forEach((line, at) => {
        if (line.trim() === '') return;
        texts.push(line.trim());
        labels.push(one.label as string);
        lines.push(at + 1);
        files.push(file);
      });
    if (texts.length > before) continue;
    throw invalidData(
      file,
      `has no sample of the class "${one.label}".`,
      'Write one sample per line, or remove the file.',
    );
  }
  return new Table({ name, columns: ['text', 'label'], cells: [texts, labels], lines, files });
}
