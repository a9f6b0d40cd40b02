/** Parameter groups: the optimizer of its group updates each parameter. */

import { invalidSetting } from '../errors.js';
import type { Optimizer, OptimizerPass, OptimizerSpec } from './optimizer.js';

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

const listOf = (match: string | readonly string[]): readonly string[] => [match].flat();

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
 * schedule scales all learning rates. A parameter belongs to the first group that matches its name. The first update throws
 * `INVALID_SETTING` if a pattern matches no parameter.
 */
export function grouped({ groups, rest }: GroupedSettings): Optimizer {
  const all = [...groups, { match: '*', optimizer: rest }];
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
      groups: groups.map(({ match, optimizer }) => ({ match, optimizer: optimizer?.spec ?? null })),
      rest: rest.spec,
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

/** The adjacent runs of tensors of each group. */
function assign(groups: readonly ParameterGroup[], tensors: readonly Tensor[]): Tensor[][][] {
  const own = groups.map((): Tensor[] => []);
  const names = tensors.map(({ name }) => name).join(', ');
  for (const [i, { match }] of groups.slice(0, -1).entries()) {
    for (const pattern of listOf(match)) {
      if (tensors.some(({ name }) => matches(pattern, name))) continue;
      throw invalidSetting(`groups[${i}].match`, `"${pattern}" matches no parameter.`, `The parameters are ${names}.`);
    }
  }
  for (const tensor of tensors) {
    own[groups.findIndex(({ match }) => listOf(match).some((pattern) => matches(pattern, tensor.name)))]!.push(tensor);
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
export function groupedFrom(settings: object, create: (spec: OptimizerSpec) => Optimizer): Optimizer {
  const { groups, rest } = settings as {
    groups: { match: string; optimizer: OptimizerSpec | null }[];
    rest: OptimizerSpec;
  };
  if (!Array.isArray(groups))
    throw invalidSetting('grouped.groups', 'must be a list.', 'Each group is {match, optimizer}.');
  if (typeof rest !== 'object' || rest === null) {
    throw invalidSetting('grouped.rest', 'is missing.', 'Set the optimizer of the parameters that no group matches.');
  }
  return grouped({
    groups: groups.map((group, i) => {
      const { match, optimizer } = group ?? {};
      if (!listOf(match).every((pattern) => typeof pattern === 'string')) {
        throw invalidSetting(
          `grouped.groups[${i}].match`,
          'must be a parameter name or a list of names.',
          '`*` matches any text.',
        );
      }
      return { match, optimizer: optimizer === null ? null : create(optimizer) };
    }),
    rest: create(rest),
  });
}
