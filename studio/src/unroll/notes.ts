/** Notes for cells whose equations differ from the ones that the view shows. */
import type { LstmTrace } from 'unspool/inspect';

type Variant = LstmTrace['variant'];

const NOTES: readonly (readonly [applies: (variant: Variant) => boolean, text: string])[] = [
  [
    ({ gates }) => gates === 'coupled',
    'The forget gate of this cell is 1 − i. Its part of the gradient is included in that of i.',
  ],
  [({ gates }) => gates !== 'all' && gates !== 'coupled', 'This cell lacks one gate, whose value is always 1.'],
  [
    ({ peepholes }) => peepholes,
    'The gates of this cell also read the cell state (peepholes), shown as “other” in the sums.',
  ],
  [
    ({ layerNorm }) => layerNorm,
    'This cell normalizes its pre-activations and its cell state. The equations are those of a cell without layer normalization.',
  ],
  [
    ({ projected }) => projected,
    'This layer projects h. The view shows the cell’s output before the projection, whose gradient comes from the projection.',
  ],
];

export const notesOf = (variant: Variant): string[] =>
  NOTES.flatMap(([applies, text]) => (applies(variant) ? [text] : []));
