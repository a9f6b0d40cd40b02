/** Views as arrays of the package `ndarray`, for the algorithms of scijs. */
import ndarray from 'ndarray';
import { shown } from '../checks.js';
import type { LiveNumbers } from '../core/memory/live-numbers.js';
import { isView, type NdArray } from '../core/memory/views.js';
import { invalidSetting } from '../errors.js';

/** An array of the package `ndarray` over numbers of Unspool. It has no `toArray` and no `copy`. */
export interface ScijsArray<Data = LiveNumbers | Float32Array | Float64Array>
  extends Pick<NdArray<Data>, 'data' | 'shape' | 'stride' | 'offset' | 'size' | 'dimension' | 'dtype'> {
  /** The dimensions in the order of memory. */
  readonly order: number[];
  get(...index: number[]): number;
  set(...indexAndValue: number[]): number;
  index(...index: number[]): number;
  hi(...counts: (number | null)[]): ScijsArray<Data>;
  lo(...counts: (number | null)[]): ScijsArray<Data>;
  step(...steps: (number | null)[]): ScijsArray<Data>;
  transpose(...dimensions: number[]): ScijsArray<Data>;
  pick(...index: (number | null)[]): ScijsArray<Data>;
}

/**
 * Returns an `ndarray` over the numbers of a view, for packages such as `ndarray-ops`. Nothing is copied: both show the same
 * numbers. The package `ndarray` generates code, so this throws `INVALID_SETTING` where a content-security policy forbids that.
 *
 * @example
 * const { output } = await model.predict([0.1, 0.2]);
 * console.log(ops.sup(toNdarray(output)));
 */
export function toNdarray<Data extends LiveNumbers | Float32Array | Float64Array>(
  view: NdArray<Data>,
): ScijsArray<Data> {
  if (!isView(view)) {
    throw invalidSetting('view', `must be a view, such as the output of predict(), got ${shown(view)}.`);
  }
  const { data, shape, stride, offset } = view;
  try {
    return ndarray(data, [...shape], [...stride], offset) as unknown as ScijsArray<Data>;
  } catch (error) {
    if (!(error instanceof EvalError)) throw error;
    const problem = 'the content-security policy of this page forbids the code that the package ndarray generates.';
    throw invalidSetting('toNdarray', problem, 'Use the methods of the view.');
  }
}
