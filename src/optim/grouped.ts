/** Parameter groups: the optimizer of its group updates each parameter. */

import { isObject, requireKeys, requireNumber, shown } from '../checks.js';
import { invalidSetting } from '../errors.js';
import { copyOfOptimizer, type Optimizer, type OptimizerPass } from './optimizer.js';

/** Parameters that share an optimizer. */
export interface ParameterGroup {
  /** Names of parameters; `*` matches any text: `*.bias_*`, `embedding.weight`. */
  readonly match: string | readonly string[];
  /** Null keeps these parameters fixed. */
  readonly optimizer: Optimizer | null;
}

/** Settings of `grouped`. */
export interface GroupedSettings {
  /** A parameter belongs to the first group that matches its name. */
  readonly groups: readonly ParameterGroup[];
  /** The optimizer of the parameters that no group matches. */
  readonly rest: Optimizer;
}

type Tensor = OptimizerPass['tensors'][number];

/** Whether the pattern matches the name. The parts between the `*` must occur in this order. */
function matches(pattern: string, name: string): boolean {
  const [first, ...rest] = pattern.split('*');
  if (!name.startsWith(first!)) return false;
  if (rest.length === 0) return name === pattern;
  const last = rest.pop()!;
  let at = first!.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return name.endsWith(last) && name.length - last.length >= at;
}

/** Joins tensors that are adjacent in the arena into runs, so that each run is one update. */
function adjacentRuns(tensors: readonly Tensor[]): Tensor[][] {
  const runs: Tensor[][] = [];
  for (const tensor of tensors) {
    const before = runs.at(-1)?.at(-1);
    if (before && before.offset + before.size === tensor.offset) runs.at(-1)!.push(tensor);
    else runs.push([tensor]);
  }
  return runs;
}

/**
 * Combines several optimizers, one for each group of parameters. Each keeps its own learning rate and weight decay; a
 * schedule scales all learning rates. A parameter belongs to the first group that matches its name. Throws
 * `INVALID_SETTING`; so does the first update if a pattern matches no parameter.
 */
export function grouped(settings: GroupedSettings): Optimizer {
  requireKeys('grouped', settings, ['groups', 'rest']);
  const { groups, rest } = settings;
  if (!Array.isArray(groups))
    throw invalidSetting('grouped.groups', `must be a list, got ${shown(groups)}.`, EACH_GROUP);
  const all = Array.from(groups, groupOf);
  all.push({ patterns: ['*'], optimizer: copyOfOptimizer('grouped.rest', rest) });
  const members = new WeakMap<OptimizerPass['tensors'], Tensor[][][]>();
  const membersOf = (tensors: OptimizerPass['tensors']): Tensor[][][] => {
    let runs = members.get(tensors);
    if (!runs) members.set(tensors, (runs = assign(all, tensors)));
    return runs;
  };
  return {
    spec: {
      kind: 'grouped',
      learningRate: 1,
      groups: all.slice(0, -1).map(({ patterns, optimizer }) => {
        const [first, ...others] = patterns;
        return { match: others.length === 0 ? first! : patterns, optimizer: optimizer?.spec ?? null };
      }),
      rest: all.at(-1)!.optimizer!.spec,
    },
    state: [...new Set(all.flatMap(({ optimizer }) => optimizer?.state ?? []))],
    apply(pass) {
      const runs = membersOf(pass.tensors);
      all.forEach(({ optimizer }, group) => {
        if (optimizer) for (const run of runs[group]!) optimizer.apply(passOver(pass, optimizer, run));
      });
    },
  };
}

/** A group as it was when `grouped` was called. */
interface Group {
  readonly patterns: readonly string[];
  readonly optimizer: Optimizer | null;
}

const EACH_GROUP = 'Each group is {match, optimizer}.';

function groupOf(group: unknown, i: number): Group {
  const path = `grouped.groups[${i}]`;
  requireKeys(path, group, ['match', 'optimizer']);
  const { match, optimizer } = group as ParameterGroup;
  const patterns = [match].flat();
  if (patterns.length === 0 || !patterns.every((pattern) => typeof pattern === 'string')) {
    const problem = `must be a parameter name or a list of names, got ${shown(match)}.`;
    throw invalidSetting(`${path}.match`, problem, '`*` matches any text.');
  }
  return { patterns, optimizer: optimizer === null ? null : copyOfOptimizer(`${path}.optimizer`, optimizer) };
}

/** The adjacent runs of tensors of each group. */
function assign(groups: readonly Group[], tensors: readonly Tensor[]): Tensor[][][] {
  const own = groups.map((): Tensor[] => []);
  const names = tensors.map(({ name }) => name).join(', ');
  for (const [i, { patterns }] of groups.slice(0, -1).entries()) {
    for (const pattern of patterns) {
      if (tensors.some(({ name }) => matches(pattern, name))) continue;
      throw invalidSetting(`groups[${i}].match`, `"${pattern}" matches no parameter.`, `The parameters are ${names}.`);
    }
  }
  for (const tensor of tensors) {
    own[groups.findIndex(({ patterns }) => patterns.some((pattern) => matches(pattern, tensor.name)))]!.push(tensor);
  }
  return own.map(adjacentRuns);
}

/** The same pass, restricted to one run of tensors. */
function passOver(pass: OptimizerPass, { spec, state }: Optimizer, run: readonly Tensor[]): OptimizerPass {
  const from = run[0]!.offset;
  const size = run.at(-1)!.offset + run.at(-1)!.size - from;
  const cut = (m: OptimizerPass['parameters']) => pass.window(m, from, size);
  return {
    ...pass,
    parameters: cut(pass.parameters),
    gradients: cut(pass.gradients),
    state: Object.fromEntries(state.map((name) => [name, cut(pass.state[name]!)])),
    learningRate: pass.learningRate * spec.learningRate,
    tensors: run.map((tensor) => ({ ...tensor, offset: tensor.offset - from })),
    scratch: (index) => cut(pass.scratch(index)),
  };
}

/** Creates a grouped optimizer from JSON settings; `create` makes the optimizer of each group. */
export function groupedFrom(settings: object, create: (spec: unknown) => Optimizer): Optimizer {
  const { groups, rest, learningRate = 1, ...others } = settings as Readonly<Record<string, unknown>>;
  requireNumber('grouped.learningRate', learningRate, 1, 1); // each group has one
  const made = (group: unknown): unknown =>
    isObject(group) && (isObject(group.optimizer) || typeof group.optimizer === 'string')
      ? { ...group, optimizer: create(group.optimizer) }
      : group;
  return grouped({
    groups: Array.isArray(groups) ? groups.map(made) : groups,
    rest: isObject(rest) || typeof rest === 'string' ? create(rest) : rest,
    ...others,
  } as GroupedSettings);
}
