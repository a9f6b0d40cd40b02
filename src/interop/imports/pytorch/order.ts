/**
 * The order of the modules of a state dict. The file does not contain it: a state dict is a list of names and tensors, and
 * safetensors sorts the names. So the widths decide: what a module gives must be as wide as what the next one takes.
 */
import { outputOf, type StateDictModule } from './modules.js';

/** A module in its place. */
export interface Placed {
  readonly module: Exclude<StateDictModule, { kind: 'other' }>;
  /** A matrix without a bias is a table of vectors at the start of a model, and a linear layer elsewhere. */
  readonly isEmbedding: boolean;
}

/** The orders that the widths allow. */
export interface Orders {
  /** At most two: a second one means that the widths do not decide. */
  readonly found: readonly (readonly Placed[])[];
  /** Whether the search ended before it had tried all orders. */
  readonly isCut: boolean;
}

type Candidate = Placed['module'];

/** Modules of which orders are tried, and orders that are tried, before the search gives up. */
const [MAX_MODULES, MAX_TRIES] = [100, 20_000];

interface Widths {
  readonly takes: number | null;
  readonly gives: number;
}

const widthsOf = ({ module, isEmbedding }: Placed): Widths => {
  if (module.kind === 'lstm') return { takes: module.inputSize, gives: outputOf(module) };
  return isEmbedding ? { takes: null, gives: module.cols } : { takes: module.cols, gives: module.rows };
};

const isNamedEmbedding = ({ name }: Candidate): boolean => /emb/i.test(name);

/** What a module may be as the next one; `before` is null at the start. */
function rolesOf(module: Candidate, before: Placed | null): Placed[] {
  const roles: Placed[] = [{ module, isEmbedding: false }];
  if (module.kind === 'lstm') return roles;
  const mayBeTable = before === null && !module.bias;
  if (mayBeTable && isNamedEmbedding(module)) return [{ module, isEmbedding: true }];
  return mayBeTable ? [{ module, isEmbedding: true }, ...roles] : roles;
}

/** A square matrix at the start may be a table or a linear layer. It is the same order, and the table is tried first. */
const isSame = (one: readonly Placed[], other: readonly Placed[]): boolean =>
  one.every(({ module }, i) => module === other[i]?.module);

/** The orders of all of these modules that the widths allow. */
export function ordersOf(modules: readonly Candidate[]): Orders {
  const found: Placed[][] = [];
  let tries = 0;
  const extend = (placed: readonly Placed[], left: readonly Candidate[]): void => {
    if (left.length === 0 && !found.some((order) => isSame(order, placed))) found.push([...placed]);
    const before = placed.at(-1) ?? null;
    for (const module of left) {
      for (const role of rolesOf(module, before)) {
        if (found.length > 1 || ++tries > MAX_TRIES) return;
        const { takes } = widthsOf(role);
        const fits = before === null || takes === widthsOf(before).gives;
        if (fits)
          extend(
            [...placed, role],
            left.filter((other) => other !== module),
          );
      }
    }
  };
  if (modules.length > MAX_MODULES) return { found, isCut: true };
  extend([], modules);
  return { found, isCut: tries > MAX_TRIES };
}

const isLinear = (one: Placed | undefined): boolean => one?.module.kind === 'matrix' && !one.isEmbedding;

/** Whether a linear layer follows another one. Between them is a function without weights, which the file does not contain. */
export const hasLinearPair = (order: readonly Placed[]): boolean =>
  order.some((one, i) => isLinear(one) && isLinear(order[i + 1]));

/** A problem of modules in this order, or their places. Linear layers may follow each other: the caller knows the order. */
export function inOrder(modules: readonly Candidate[]): readonly Placed[] | string {
  const placed: Placed[] = [];
  for (const module of modules) {
    const before = placed.at(-1) ?? null;
    const width = before === null ? null : widthsOf(before).gives;
    const next = modules[placed.length + 1];
    const roles: Placed[] = [{ module, isEmbedding: false }];
    if (before === null && module.kind === 'matrix' && !module.bias) roles.unshift({ module, isEmbedding: true });
    const fitsNext = (role: Placed): boolean =>
      next === undefined || widthsOf({ module: next, isEmbedding: false }).takes === widthsOf(role).gives;
    const role =
      roles.find((one) => (width === null || widthsOf(one).takes === width) && fitsNext(one)) ?? roles.at(-1)!;
    const { takes } = widthsOf(role);
    if (width !== null && takes !== width) {
      return `${before!.module.name} gives ${width} numbers a step, but ${module.name} takes ${takes}.`;
    }
    placed.push(role);
  }
  return placed;
}
