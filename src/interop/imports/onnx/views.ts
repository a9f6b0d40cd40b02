/** What operators that rearrange a computed value do to its dimensions. Null where they do what no layer expresses. */
import { axesOf, axisOf, integerOf, listOf, type Operands, permutation } from './operands.js';
import type { Axis, Flow, Source } from './value.js';

const ONE: Axis = { label: '1', size: 1 };

/** The dimensions of inputs that are known by now: labels by the labels that they had at first. */
export class Labels {
  private readonly known = new Map<string, string>();

  of = (axis: Axis): string => this.known.get(axis.label) ?? axis.label;

  /** Decides what a dimension is. False if it is another one. */
  bind(axis: Axis, label: string): boolean {
    const found = this.of(axis);
    if (found.startsWith('input')) this.known.set(found, label);
    else if (found !== label && !(axis.size === 1 && label !== 'F')) return false;
    return true;
  }
}

type View = (axes: readonly Axis[], operands: Operands, flow: Flow, labels: Labels) => Flow | null;

const as = (flow: Flow, axes: readonly Axis[] | null | undefined): Flow | null => (axes ? { ...flow, axes } : null);

function squeeze(axes: readonly Axis[], operands: Operands): readonly Axis[] | null {
  const listed = listOf(operands, 'axes', 1);
  if (listed === null) return null;
  const removed =
    listed === undefined ? axes.flatMap(({ size }, k) => (size === 1 ? [k] : [])) : axesOf(listed, axes.length);
  if (!removed?.every((k) => axes[k]!.size === 1)) return null;
  return axes.filter((_, k) => !removed.includes(k));
}

function unsqueeze(axes: readonly Axis[], operands: Operands): readonly Axis[] | null {
  const listed = listOf(operands, 'axes', 1);
  const added = listed && listed.length < 16 ? axesOf(listed, axes.length + listed.length) : null;
  if (!added) return null;
  const rest = axes.values();
  return Array.from({ length: axes.length + added.length }, (_, k) => (added.includes(k) ? ONE : rest.next().value!));
}

/** Dimensions in the same order, where D and H may become F and dimensions of size 1 may come or go. */
function reshape(axes: readonly Axis[], operands: Operands): readonly Axis[] | null {
  const target = listOf(operands, 'shape', 1);
  if (!target) return null;
  const out: Axis[] = [];
  let at = 0;
  for (const [k, size] of target.entries()) {
    if (size === 0 && at !== k) return null;
    const isLeftOut = (axis: Axis): boolean => axis.label === '1' || (size !== 1 && axis.size === 1);
    while (size !== 0 && axes.length - at > target.length - k && isLeftOut(axes[at]!)) at++;
    const [axis, next] = [axes[at], axes[at + 1]];
    const merged = axis?.label === 'D' && next?.label === 'H' ? axis.size! * next.size! : null;
    if (size === 1 && axis?.size !== 1) out.push(ONE);
    else if (merged !== null && (size === merged || size === -1)) {
      out.push({ label: 'F', size: merged });
      at += 2;
    } else if (axis && (size === axis.size || size === 0 || size === -1)) {
      out.push(axis);
      at++;
    } else return null;
  }
  return axes.slice(at).every(({ size }) => size === 1) ? out : null;
}

/** A flow with one element of a dimension: a direction, or the last step. `kept`: the dimension remains, with size 1. */
function picked(flow: Flow, k: number, index: number, kept: boolean, labels: Labels): Flow | null {
  const axes = flow.axes!;
  const [axis, { source }] = [axes[k]!, flow];
  const rest = kept ? axes.with(k, ONE) : axes.filter((_, i) => i !== k);
  const at = axis.size !== null && index < 0 ? index + axis.size : index;
  if (axis.size === 1 && at === 0) return { ...flow, axes: rest };
  if (source.kind !== 'layer' || source.direction !== null) return null;
  if (labels.of(axis) === 'D') return { source: { ...source, direction: at }, kind: 'flow', axes: rest };
  // The step that an LSTM ends with is the first one if it reads in reverse.
  const { content } = source.layer;
  const spec = typeof content === 'string' ? null : content.spec;
  const direction = spec?.kind === 'lstm' ? (spec.direction ?? 'forward') : null;
  const isEnd =
    direction === 'forward' ? index === -1 || index + 1 === axis.size : direction === 'reverse' && index === 0;
  const isLast = labels.of(axis) === 'T' && source.part === 'all' && isEnd;
  return isLast ? { source: { ...source, part: 'last' }, kind: 'flow', axes: rest } : null;
}

const gather: View = (axes, { node, constants }, flow, labels) => {
  const [k, indices] = [axisOf(integerOf(node, 'axis', 0), axes.length), constants[1]];
  if (k === null || indices?.values.length !== 1 || indices.shape.length > 1) return null;
  return picked(flow, k, indices.values[0]!, indices.shape.length === 1, labels);
};

const slice: View = (axes, operands, flow, labels) => {
  const [starts, ends] = [listOf(operands, 'starts', 1), listOf(operands, 'ends', 2)];
  const found = starts && axesOf(listOf(operands, 'axes', 3) ?? starts.map((_, k) => k), axes.length);
  const steps = listOf(operands, 'steps', 4) ?? [];
  if (!starts || !ends || !found || !steps.every((step) => step === 1)) return null;
  let out: Flow | null = flow;
  for (const [i, k] of found.entries()) {
    const { size } = axes[k]!;
    const [start, end] = [starts[i]!, ends[i]!];
    const isToEnd = end >= (size ?? 2 ** 31 - 1);
    if (isToEnd && start === 0) continue;
    const isOne = (isToEnd && (start === -1 || start === (size ?? 0) - 1)) || (end === start + 1 && end !== 0);
    out = out && isOne ? picked(out, k, start, true, labels) : null;
  }
  return out;
};

const VIEWS: Readonly<Record<string, View>> = {
  Transpose: (axes, { node }, flow) =>
    as(
      flow,
      permutation(node, axes.length)?.map((k) => axes[k]!),
    ),
  Squeeze: (axes, operands, flow) => as(flow, squeeze(axes, operands)),
  Unsqueeze: (axes, operands, flow) => as(flow, unsqueeze(axes, operands)),
  Reshape: (axes, operands, flow) => as(flow, reshape(axes, operands)),
  Flatten: (axes, { node }, flow) => as(flow, axes.length === 2 && integerOf(node, 'axis', 1) === 1 ? axes : null),
  Gather: gather,
  Slice: slice,
};

/** Operators that change nothing in a prediction. */
const NOTHING: ReadonlySet<string> = new Set(['Identity', 'Cast', 'Dropout']);

export const isView = (op: string): boolean => NOTHING.has(op) || Object.hasOwn(VIEWS, op);

/** What such an operator makes of a flow; null where no layer expresses it. */
export function viewed(flow: Flow, operands: Operands, labels: Labels): Flow | null {
  const { op } = operands.node;
  if (NOTHING.has(op)) return flow;
  // What an operator without a layer computes stays that, in any order.
  if (flow.source.kind === 'other') return { ...flow, axes: null };
  // These keep all numbers, so what they arrange is known, but not how.
  if (flow.axes === null) return op === 'Gather' || op === 'Slice' ? null : flow;
  return VIEWS[op]!(flow.axes, operands, flow, labels);
}

/** Both directions of a layer side by side, which is what it computes; null for other flows. */
export function bothDirections(parts: readonly Flow[]): Flow | null {
  const [a, b] = parts.map(({ source }) => source) as [Source, Source];
  const isPair =
    parts.length === 2 && a.kind === 'layer' && b.kind === 'layer' && a.layer === b.layer && a.part === b.part;
  if (!isPair || a.direction !== 0 || b.direction !== 1) return null;
  const axes = parts[0]!.axes;
  const last = axes?.at(-1);
  if (!axes || !last?.size) return null;
  return {
    kind: 'flow',
    source: { ...a, direction: null },
    axes: [...axes.slice(0, -1), { label: 'F', size: 2 * last.size }],
  };
}
