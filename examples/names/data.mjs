/** The names of data/ and their test split: those whose md5 in lower case, modulo 10, is 0. */
import { createHash } from 'node:crypto';
import { readText } from 'unspool/node';
import { parseClassFiles } from 'unspool/tasks';

const isTest = (name) => BigInt(`0x${createHash('md5').update(name.toLowerCase()).digest('hex')}`) % 10n === 0n;

/** The training and the test names as tables, without the names that are in both lists. */
export async function readNames() {
  const labels = ['male', 'female'];
  const lists = await Promise.all(
    labels.map(async (label) => (await readText(`data/${label}-names.txt`)).trim().split(/\r?\n/)),
  );
  const table = (isWanted) =>
    parseClassFiles(
      labels.map((label, i) => {
        const others = new Set(lists[1 - i]);
        return { label, text: lists[i].filter((name) => !others.has(name) && isWanted(name)).join('\n') };
      }),
      { name: 'names' },
    );
  return { train: table((name) => !isTest(name)), test: table(isTest) };
}
