/** What messages say about the layers of a file. */
import type { ForeignLayer } from './imported.js';

const MAX_LISTED = 10;

/** `a, b, c`; after ten, how many others there are. */
export function listed(texts: readonly string[], separator = ', '): string {
  const shown = texts.slice(0, MAX_LISTED).join(separator);
  const others = texts.length - MAX_LISTED;
  return others > 0 ? `${shown}${separator}and ${others} more` : shown;
}

/** A sentence that names the LSTMs of which one may be selected, or an empty text if the file has none. */
export function selection(layers: readonly ForeignLayer[]): string {
  const names = layers
    .filter(({ kind, problem }) => kind.startsWith('LSTM') && problem === null)
    .map(({ name }) => name);
  return names.length > 0 ? `To import one LSTM without the rest, select it by name (--node): ${listed(names)}.` : '';
}
