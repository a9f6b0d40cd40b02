/** What a command of `unspool` is. The parser and the help derive from its tables. */

import type { Settings, ValuesOf } from './settings.js';

/** The command line itself is wrong: exit code 2. The message is a sentence. */
export class UsageError extends Error {}

/** Options as the parser returns them, before their types are known. */
export type OptionValues = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Command<S extends Settings = Settings> {
  /** One word, or two for a command of a group: `lab run`. */
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  /** Names for the usage line. A name in brackets is optional. The last one may end with `...`: any number of them. */
  readonly arguments: readonly { readonly name: string; readonly help: string }[];
  readonly options: S;
  /** Whether it saves files, so that it is worth continuing when its output cannot be written. */
  readonly savesFiles?: true;
  /** `does` is a comment above the command `line`. */
  readonly examples: readonly { readonly does: string; readonly line: string }[];
  /** Runs the command and returns its exit code. `options` are complete: defaults are filled in, values are valid. */
  run(args: readonly string[], options: ValuesOf<S>): Promise<number>;
}

/** Types `run` by the options of the command. */
export const defineCommand = <S extends Settings>(command: Command<S>): Command => command as unknown as Command;
