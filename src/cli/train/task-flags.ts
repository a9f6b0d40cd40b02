/** The flags of a training of a forecaster, a classifier or a tagger. */
import { UsageError } from '../command.js';
import { readConfig } from '../config.js';
import { dashed, type Settings, type ValuesOf } from '../settings.js';

const FILE_FLAGS = ['config', 'out', 'run', 'force'];
/** Flags that may change when a training is resumed. */
const OTHER_FLAGS = ['backend', 'threads', 'tensorboard', 'json', 'quiet'];

const givenOf = (options: object): [string, unknown][] =>
  Object.entries(options).filter(([, value]) => value !== undefined && value !== false);

/** Flags override the config file. Throws `UsageError` for a flag that this `task` does not have. */
export async function taskSettings<S extends Settings>(
  options: { readonly config?: string | undefined },
  table: S,
  task: string,
): Promise<Partial<ValuesOf<S>>> {
  const given = givenOf(options);
  const known = [...Object.keys(table), ...FILE_FLAGS, ...OTHER_FLAGS];
  const unused = given.find(([key]) => !known.includes(key));
  if (unused) throw new UsageError(`--${dashed(unused[0])} has no effect on ${task}.`);
  const config = options.config === undefined ? {} : await readConfig(options.config, table);
  return { ...config, ...Object.fromEntries(given.filter(([key]) => key in table)) } as Partial<ValuesOf<S>>;
}

/** Throws `UsageError` for a flag that cannot change when a training of the task is resumed. */
export function requireResumable(options: object, task: string): void {
  const fixed = givenOf(options).find(([key]) => key !== 'resume' && !OTHER_FLAGS.includes(key));
  if (fixed) throw new UsageError(`--${dashed(fixed[0])} cannot change when you resume the training of ${task}.`);
}
