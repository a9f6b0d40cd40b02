/** Which files a command may write: not its inputs, and no model. */
import { open, stat } from 'node:fs/promises';
import { beginsAsModel } from '../interop/content.js';
import { fileAccessError, targetOf, writeFileAtomic } from '../node/files.js';
import { UsageError } from './command.js';

/** A file with its role in a message, such as `the text`. */
export type NamedFile = readonly [role: string, file: string | undefined];

/** Equal for all names of one file: paths, links and hard links. Null for a file that does not exist. */
const identityOf = (file: string): Promise<string | null> =>
  stat(file, { bigint: true }).then(
    ({ dev, ino }) => `${dev} ${ino}`,
    () => null,
  );

/** Whether two names are of the same existing file. */
export async function isSameFile(one: string, other: string): Promise<boolean> {
  const identity = await identityOf(one);
  return identity !== null && identity === (await identityOf(other));
}

/** Throws `UsageError` if writing one of `outputs` would overwrite one of `inputs`, whatever name it has. */
export async function requireSeparate(outputs: readonly NamedFile[], inputs: readonly NamedFile[]): Promise<void> {
  for (const [role, input] of inputs) {
    const identity = input === undefined ? null : await identityOf(input);
    if (identity === null) continue; // a missing input cannot be overwritten, and is another error
    for (const [name, output] of outputs) {
      if (output === undefined || (await identityOf(output)) !== identity) continue;
      const same = output === input ? '' : `, which is ${output}`;
      throw new UsageError(`${name} would overwrite ${role}, ${input}${same}. Choose another place.`);
    }
  }
}

async function isModelFile(file: string): Promise<boolean> {
  const handle = await open(file).catch(() => null);
  if (!handle) return false;
  try {
    return beginsAsModel((await handle.read(new Uint8Array(16), 0)).buffer);
  } finally {
    await handle.close();
  }
}

/**
 * Throws `UsageError` if a page, a table or a plot that the option saves would overwrite an input or a model: a finished model is
 * replaced only by `train --force`.
 */
export async function requirePlace(option: string, file: string, inputs: readonly NamedFile[]): Promise<void> {
  await requireSeparate([[option, file]], inputs);
  const stats = await stat(file).catch(() => null);
  if (!stats) return;
  await targetOf(file).catch((error) => {
    throw fileAccessError(file, 'written', error); // a folder, a pipe or a device
  });
  if (await isModelFile(file)) {
    throw new UsageError(`${option} would overwrite a model, ${file}. Choose another place.`);
  }
}

/** Saves a page, a table or a plot. Throws as `requirePlace` and `writeFileAtomic` do. */
export async function saveReport(
  option: string,
  file: string,
  content: string | Uint8Array,
  inputs: readonly NamedFile[] = [],
): Promise<void> {
  await requirePlace(option, file, inputs);
  await writeFileAtomic(file, typeof content === 'string' ? new TextEncoder().encode(content) : content);
}
