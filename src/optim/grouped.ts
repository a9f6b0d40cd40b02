/** Parameter groups: each tensor is updated by the rule of its group, with that group's rate and decay. */

import { invalidSetting } from '../errors.js';
import type { Optimizer, OptimizerPass, OptimizerSpec } from './optimizer.js';

export interface ParameterGroup {
  /** Names of parameters, `*` standing for anything: `*.bias_*`, `embedding.weight`. */
  readonly match: string | readonly string[];
  /** Null: these parameters stay as they are. */
  readonly optimizer: Optimizer | null;
}

export interface GroupedSettings {
  readonly groups: readonly ParameterGroup[];
  /** For what no group matches. */
  readonly rest: Optimizer;
}

type Tensor = OptimizerPass['tensors'][number];

const listOf = (match: string | readonly string[]): readonly string[] => [match].flat();

/** Whether `name` is what the pattern says: pieces in order, anything where a `*` stands. */
function matches(pattern: string, name: string): boolean {
  const [first, ...rest] = pattern.split('*');
  if (!name.startsWith(first!)) return false;
  if (rest.length === 0) return name === pattern;
  const last = rest.pop()!;
  let at = first!.length;
  for (const piece of rest) {
    const found = name.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return name.endsWith(last) && name.length - last.length >= at;
}

/** Tensors that follow each other in the row, in one piece. */
function runsOf(tensors: readonly Tensor[]): Tensor[][] {
  const runs: Tensor[][] = [];
  for (const tensor of tensors) {
    const before = runs.at(-1)?.at(-1);
    if (before && before.offset + before.size === tensor.offset) runs.at(-1)!.push(tensor);
    else runs.push([tensor]);
  }
  return runs;
}

/**
 * One optimizer out of several, each for its own parameters. The rates are those of the groups' optimizers; a schedule
 * scales all of them alike. A parameter belongs to the first group that matches it. Throws `INVALID_SETTING`, at the first
 * update, where a pattern matches none.
 */
export function grouped({ groups, rest }: GroupedSettings): Optimizer {
  const all = [...groups, { match: '*', optimizer: rest }];
  const members = new WeakMap<OptimizerPass['tensors'], Tensor[][][]>();
  const membersOf = (tensors: OptimizerPass['tensors']): Tensor[][][] => {
    let known = members.get(tensors);
    if (!known) members.set(tensors, (known = share(all, tensors)));
    return known;
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

/** For each group the pieces of the row that are its own. */
function share(groups: readonly ParameterGroup[], tensors: readonly Tensor[]): Tensor[][][] {
  const own = groups.map((): Tensor[] => []);
  const names = tensors.map(({ name }) => name).join(', ');
  for (const [i, { match }] of groups.slice(0, -1).entries()) {
    for (const pattern of listOf(match)) {
      if (tensors.some(({ name }) => matches(pattern, name))) continue;
      throw invalidSetting(`groups[${i}].match`, `"${pattern}" matches no parameter.`, `There are ${names}.`);
    }
  }
  for (const tensor of tensors) {
    own[groups.findIndex(({ match }) => listOf(match).some((pattern) => matches(pattern, tensor.name)))]!.push(tensor);
  }
  return own.map(runsOf);
}

/** The same pass, over one piece of the row. */
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

/** From JSON; `create` makes the optimizer of each group. */
export function groupedFrom(settings: object, create: (spec: OptimizerSpec) => Optimizer): Optimizer {
  const { groups, rest } = settings as {
    groups: { match: string; optimizer: OptimizerSpec | null }[];
    rest: OptimizerSpec;
  };
  if (!Array.isArray(groups))
    throw invalidSetting('grouped.groups', 'should be a list.', 'Give {match, optimizer} for each.');
  if (typeof rest !== 'object' || rest === null) {
    throw invalidSetting('grouped.rest', 'is missing.', 'Say the optimizer of what no group matches.');
  }
  return grouped({
    groups: groups.map((group, i) => {
      const { match, optimizer } = group ?? {};
      if (!listOf(match).every((pattern) => typeof pattern === 'string')) {
        throw invalidSetting(
          `grouped.groups[${i}].match`,
          'should be a name, or a list of names.',
          '`*` stands for anything.',
        );
      }
      return { match, optimizer: optimizer === null ? null : create(optimizer) };
    }),
    rest: create(rest),
  });
}
